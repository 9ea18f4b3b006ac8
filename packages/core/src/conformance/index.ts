/** The conformance suite. */
export {};
