import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api";
import { App } from "./app";
import "./style.css";
import { loadTexts, t } from "./text";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // a request that the API has rejected (4xx) would be rejected again
      retry: (tries, error) => tries < 1 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
      staleTime: 1000,
      // the API may run on this machine, and then is reachable even if the browser reports being offline
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

void loadTexts(navigator.languages).then(() => {
  document.documentElement.lang = t.lang;
  document.title = t.title;
  createRoot(document.getElementById("root")!).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <App />
      </QueryClientProvider>
    </StrictMode>,
  );
});
