import type { Text } from "./en";

const number = new Intl.NumberFormat("fr");
const rate = new Intl.NumberFormat("fr", { maximumFractionDigits: 1 });
const plural = new Intl.PluralRules("fr");
const s = (n: number): string => (plural.select(n) === "one" ? "" : "s");

export const fr: Text = {
  lang: "fr",
  title: "Clés et valeurs",
  subtitle: "Gardées dans Redis, par une API qui suit la charge",
  number: (n) => number.format(n),

  apiDown: "L’API est injoignable.",
  apiLate: "L’API n’a pas répondu à temps.",
  apiAnswered: (status) => `L’API a répondu ${status}.`,
  retrying: "Nouvel essai…",
  tryAgain: "Réessayer",

  addTitle: "Ajouter une clé",
  key: "Clé",
  value: "Valeur",
  valueHint: "Entrée : autre ligne ; Ctrl+Entrée enregistre",
  add: "Ajouter",
  adding: "Ajout…",
  notSaved: (reason) => `Non enregistrée : ${reason}`,
  notDeleted: (id, reason) => `« ${id} » n’a pas été supprimée : ${reason}`,
  added: (id) => `« ${id} » est enregistrée`,

  keys: "Clés",
  search: "Chercher une clé",
  loading: "Chargement…",
  count: (n, more) => `${number.format(n)}${more ? "+" : ""} clé${s(n)}`,
  capped: (n) => `Les ${number.format(n)} premières ; cherchez pour trouver les autres.`,
  empty: "Aucune clé pour l’instant. Ajoutez-en une ci-dessus.",
  noMatch: (text) => `Aucune clé ne contient « ${text} ».`,
  gone: "disparue",
  emptyValue: "vide",
  edit: (id) => `Modifier ${id}`,
  copy: (id) => `Copier la valeur de ${id}`,
  remove: (id) => `Supprimer ${id}`,
  valueOf: (id) => `Valeur de ${id}`,
  save: "Enregistrer",
  saving: "Enregistrement…",
  cancel: "Annuler",
  copied: "Copié",
  notCopied: "Copie refusée par le navigateur.",
  deleted: (id) => `« ${id} » est supprimée`,
  undo: "Rétablir",
  dismiss: "Fermer",
  shortcuts: "↑ ↓ déplacent, Entrée modifie, C copie, Suppr supprime, / cherche",

  live: "En direct",
  pods: (n) => `pod${s(n)} de l’API`,
  replicas: (n) => `réplica${s(n)} Redis`,
  requests: "requêtes par seconde",
  perSecond: (n) => `${rate.format(n)}/s`,
  readsPerSecond: (n) => `${rate.format(n)} lectures/s`,
  lag: (seconds) => (seconds < 1 ? "à jour" : `${rate.format(seconds)} s de retard`),
  mainDown: "Redis principal injoignable : rien ne peut être écrit.",
  fresh: "nouveau",
  waiting: "En attente de l’API…",
  state: (state) =>
    (
      ({
        serving: "en service",
        connecting: "connexion",
        hanging: "bloqué",
        syncing: "copie",
        lagging: "en retard",
        unlinked: "sans principal",
        "other-role": "pas un réplica",
      }) as Record<string, string>
    )[state] ?? state,

  check: "Contrôle du système",
  checkHint: "Écrit une clé, la relit partout, la supprime",
  run: "Lancer le contrôle",
  running: "En cours…",
  passed: "Tout fonctionne",
  failed: "Quelque chose ne fonctionne pas",
  steps: {
    write: "Écrire une clé",
    main: "La lire sur le principal",
    copies: "Chaque réplica l’a",
    read: "La lire par les réplicas",
    remove: "La supprimer partout",
  },
  ms: (ms) => `${ms < 10 ? rate.format(ms) : number.format(Math.round(ms))} ms`,
  roundTrip: (ms) => `aller-retour ${ms}`,
  median: (n, ms) => `${n} lectures, médiane ${ms}`,
  copiesAfter: (n, ms) => `${n} réplica${s(n)}, tous en moins de ${ms}`,
  noReplicas: "aucun : le principal répond",
  missing: (names) => `absente après 5 s : ${names}`,
  wrongValue: "une autre valeur est revenue",
  stillThere: (names) => `toujours là après 5 s : ${names}`,
};
