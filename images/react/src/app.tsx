import { SystemCheck } from "./check/system-check";
import { AddForm } from "./keys/add-form";
import { KeysSection } from "./keys/keys-section";
import { LiveStrip } from "./live/live-strip";
import { t } from "./text";
import { Toasts } from "./toasts";

export function App() {
  return (
    <Toasts>
      <header>
        <h1>{t.title}</h1>
        <p className="muted">{t.subtitle}</p>
      </header>
      <main>
        <div className="panels">
          <LiveStrip />
          <SystemCheck />
        </div>
        <AddForm />
        <KeysSection />
      </main>
    </Toasts>
  );
}
