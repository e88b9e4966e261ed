/** In a page: `Credential.parse` reads macaroons alone, until the page imports `l8nt/biscuit`. */
export {};
