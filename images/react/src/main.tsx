import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Problem } from "./api";
import { App } from "./app";
import "./style.css";
import { speak, t } from "./text";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      // what the API refuses it will refuse again
      retry: (tries, error) => tries < 1 && !(error instanceof Problem && error.status >= 400 && error.status < 500),
      staleTime: 1000,
      // the browser's idea of being offline says nothing about an API on this machine
      networkMode: "always",
    },
    mutations: { networkMode: "always" },
  },
});

void speak(navigator.languages).then(() => {
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
