"use strict";
// The tokens stay for the session of this tab: a reload keeps them, and closing the tab forgets them.
const TOKENS = "assay-docs-tokens";

const keepTokens = () => ({
  statePlugins: {
    auth: {
      wrapActions: {
        // Called after each login and logout.
        persistAuthorizationIfNeeded: (_, system) => () =>
          sessionStorage.setItem(TOKENS, JSON.stringify(system.authSelectors.authorized().toJS())),
      },
    },
  },
});

window.addEventListener("load", () => {
  const ui = SwaggerUIBundle({
    url: new URL("openapi.json", document.baseURI).href,
    dom_id: "#docs",
    deepLinking: true,
    tryItOutEnabled: true,
    showExtensions: true, // `x-roles` and `x-owner`: who may use an operation
    validatorUrl: null,
    plugins: [keepTokens],
    onComplete: () => {
      const tokens = sessionStorage.getItem(TOKENS);
      if (tokens) ui.authActions.restoreAuthorization({ authorized: JSON.parse(tokens) });
    },
  });
});
