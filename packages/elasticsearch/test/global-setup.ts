// One Elasticsearch for all test files that need no settings of their own: it takes ten seconds to start.

import { shareServer } from "@kv/test-servers";

export default () => shareServer("elasticsearch");
