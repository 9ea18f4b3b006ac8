// The backends that `openStore` imports when they are asked for. The build of core comes before theirs, so that it cannot see
// their types; type checks, which use sources, do. Only tsconfig.build.json includes this file.
declare module "@kv/disk";
declare module "@kv/memory";
declare module "@kv/redis";
