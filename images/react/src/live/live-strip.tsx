import { Activity, Database, Server } from "lucide";
import { Icon } from "../icon";
import type { ReactNode } from "react";
import { t } from "../text";
import { useFleet } from "./use-fleet";

/** The part of a name that differs between the pods of one Deployment or StatefulSet. */
const short = (name: string): string => name.split("-").slice(-1)[0]!;

/** The live API pods and replicas, with their request rates. */
export function LiveStrip() {
  const { view, error } = useFleet();
  return (
    <section className="panel live" aria-labelledby="live-title">
      <h2 id="live-title">
        <Icon of={Activity} /> {t.live}
      </h2>
      {error ? (
        <p role="alert" className="error">
          {t.retrying(error.message)}
        </p>
      ) : !view ? (
        <p className="muted">{t.waiting}</p>
      ) : (
        <>
          {view.mainUp === false && (
            <p role="alert" className="error">
              {t.mainDown}
            </p>
          )}
          <p className="figure" data-figure="rate">
            <strong>{t.number(Math.round(view.perSecond))}</strong> {t.requests(Math.round(view.perSecond))}
          </p>
          <Group icon={<Icon of={Server} />} count={view.pods.length} name={t.pods(view.pods.length)} figure="pods">
            {view.pods.map(({ id, name, perSecond, fresh }) => (
              <Chip key={id} title={name} name={short(name)} fresh={fresh} trouble={false}>
                {perSecond === undefined ? "…" : t.perSecond(Math.round(perSecond))}
              </Chip>
            ))}
          </Group>
          <Group
            icon={<Icon of={Database} />}
            count={view.replicas.length}
            name={t.replicas(view.replicas.length)}
            figure="replicas"
          >
            {view.replicas.map(({ name, state, lagSeconds, readsPerSecond, fresh }) => (
              <Chip
                key={name}
                title={`${name}: ${t.state(state)}${lagSeconds === undefined ? "" : `, ${t.lag(lagSeconds)}`}`}
                name={short(name)}
                fresh={fresh}
                trouble={state !== "serving"}
              >
                {state === "serving" ? t.readsPerSecond(Math.round(readsPerSecond)) : t.state(state)}
              </Chip>
            ))}
          </Group>
        </>
      )}
    </section>
  );
}

function Group(props: { icon: ReactNode; count: number; name: string; figure: string; children: ReactNode }) {
  return (
    <div className="group" data-figure={props.figure}>
      <p className="figure">
        {props.icon} <strong>{props.count}</strong> {props.name}
      </p>
      <ul className="chips">{props.children}</ul>
    </div>
  );
}

function Chip(props: { title: string; name: string; fresh: boolean; trouble: boolean; children: ReactNode }) {
  return (
    <li className={`chip${props.fresh ? " fresh" : ""}${props.trouble ? " trouble" : ""}`} title={props.title}>
      <code>{props.name}</code> {props.children}
      {props.fresh && <span className="badge">{t.fresh}</span>}
    </li>
  );
}
