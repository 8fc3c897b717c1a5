import type { Text } from "./en";

const number = new Intl.NumberFormat("fr");
const rate = new Intl.NumberFormat("fr", { maximumFractionDigits: 1 });
const plural = new Intl.PluralRules("fr");
const s = (n: number): string => (plural.select(n) === "one" ? "" : "s");

export const fr: Text = {
  lang: "fr",
  title: "Clés et valeurs",
  subtitle: "Stockées dans Redis, servies par une API qui s’adapte à la charge",
  number: (n) => number.format(n),

  apiDown: "L’API est injoignable.",
  apiLate: "L’API n’a pas répondu à temps.",
  apiAnswered: (status) => `L’API a renvoyé le code ${status}.`,
  retrying: "Nouvelle tentative en cours…",
  tryAgain: "Réessayer",

  addTitle: "Ajouter une clé",
  key: "Clé",
  value: "Valeur",
  valueHint: "Entrée : nouvelle ligne ; Ctrl+Entrée : enregistrer",
  add: "Ajouter",
  adding: "Ajout…",
  notSaved: (reason) => `Enregistrement impossible : ${reason}`,
  notDeleted: (id, reason) => `Impossible de supprimer « ${id} » : ${reason}`,
  added: (id) => `« ${id} » enregistrée`,

  keys: "Clés",
  search: "Rechercher une clé",
  loading: "Chargement…",
  count: (n, more) => `${number.format(n)}${more ? "+" : ""} clé${s(n)}`,
  capped: (n) => `${number.format(n)} clés affichées. Utilisez la recherche pour trouver les autres.`,
  empty: "Aucune clé pour l’instant. Ajoutez-en une ci-dessus.",
  noMatch: (text) => `Aucune clé ne contient « ${text} ».`,
  gone: "n’existe plus",
  emptyValue: "vide",
  edit: (id) => `Modifier ${id}`,
  copy: (id) => `Copier la valeur de ${id}`,
  remove: (id) => `Supprimer ${id}`,
  valueOf: (id) => `Valeur de ${id}`,
  save: "Enregistrer",
  saving: "Enregistrement…",
  cancel: "Annuler",
  copied: "Copié",
  notCopied: "Le navigateur a bloqué l’accès au presse-papiers.",
  deleted: (id) => `« ${id} » supprimée`,
  undo: "Annuler",
  dismiss: "Fermer",
  shortcuts: "↑ ↓ pour naviguer, Entrée pour modifier, C pour copier, Suppr pour supprimer, / pour rechercher",

  live: "En direct",
  pods: (n) => `pod${s(n)} de l’API`,
  replicas: (n) => `réplica${s(n)} Redis`,
  requests: (n) => `requête${s(n)} par seconde`,
  perSecond: (n) => `${rate.format(n)}/s`,
  readsPerSecond: (n) => `${rate.format(n)} lectures/s`,
  nameAndState: (name, state) => `${name} : ${state}`,
  lag: (seconds) => (seconds < 1 ? "à jour" : `${rate.format(seconds)} s de retard`),
  mainDown: "Le Redis principal est injoignable : impossible d’enregistrer ou de supprimer des clés.",
  fresh: "nouveau",
  waiting: "En attente de l’API…",
  state: (state) =>
    (
      ({
        serving: "en service",
        connecting: "connexion en cours",
        hanging: "ne répond pas",
        syncing: "synchronisation en cours",
        lagging: "en retard",
        unlinked: "déconnecté du principal",
        "other-role": "pas un réplica",
      }) as Record<string, string>
    )[state] ?? state,

  check: "Vérification du système",
  checkHint: "Écrit une clé de test, la relit sur le Redis principal et les réplicas, puis la supprime",
  run: "Lancer la vérification",
  running: "En cours…",
  passed: "Tout fonctionne",
  failed: "Quelque chose ne fonctionne pas",
  steps: {
    write: "Écrire une clé",
    main: "La lire sur le principal",
    copies: "La trouver sur chaque réplica",
    read: "La lire sur les réplicas",
    remove: "La supprimer partout",
  },
  ms: (ms) => `${ms < 10 ? rate.format(ms) : number.format(Math.round(ms))} ms`,
  roundTrip: (ms) => `aller-retour en ${ms}`,
  median: (n, ms) => `${n} lectures, médiane ${ms}`,
  copiesAfter: (n, ms) => (n === 1 ? `1 réplica, en moins de ${ms}` : `${n} réplicas, tous en moins de ${ms}`),
  noReplicas: "aucun réplica : le principal sert les lectures",
  missing: (names) => `toujours absente après 5 s sur ${names}`,
  wrongValue: "une autre valeur a été renvoyée",
  stillThere: (names) => `toujours présente après 5 s sur ${names}`,
};
