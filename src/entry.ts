// Owns the first moment of a command: what takes longest to start begins before anything else is loaded.
import { startWriterThread } from './store/open.ts';

const OPENS_A_STORE = ['run', 'serve'];

const [name = ''] = process.argv.slice(2);
const thread = OPENS_A_STORE.includes(name) ? startWriterThread() : undefined;
const { start } = await import('./command-line.ts');
await start(thread);
