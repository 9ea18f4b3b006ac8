// It warns on the console of its development forms and of Node.js 20: both are meant so here.
console.info = console.warn = () => {};
