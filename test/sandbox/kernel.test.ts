// Owns the attacks that go straight to the kernel: calls by number, and sockets of strange families. Each works without the sandbox.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { bare } from './bare.ts';
import { type OpenBox, testSandbox, type TestSandbox } from './setup.ts';

const isRoot = process.getuid?.() === 0;
const ARCHITECTURE = process.arch === 'arm64' ? 1 : 0;

interface Call {
  readonly name: string;
  /** On x86-64 and on arm64; -1: it has none. */
  readonly number: readonly [number, number];
  readonly arguments?: string;
  /** Only root gets as far without a sandbox. */
  readonly forRoot?: true;
  /** This kernel may be built without it, or its owner may have switched it off. */
  readonly perhaps?: true;
}

/** A number above firejail's own tables cannot be filtered by it: those calls are refused for want of a capability, and are below. */
const CALLS: readonly Call[] = [
  {
    name: 'io_uring_setup: a ring whose sockets no filter sees',
    number: [425, 425],
    arguments: '1, $zero',
    perhaps: true,
  },
  { name: 'keyctl: the keyring of the user', number: [250, 219], arguments: '0, -3, 0' },
  { name: 'add_key', number: [248, 217], arguments: '0, 0, 0' },
  { name: 'request_key', number: [249, 218], arguments: '0, 0, 0' },
  { name: 'ptrace: to be traced', number: [101, 117] },
  { name: 'process_vm_readv: memory of another process', number: [310, 270] },
  { name: 'process_vm_writev: the same, to write', number: [311, 271] },
  { name: 'pidfd_getfd: a descriptor of another process', number: [438, 438], arguments: '-1, 0, 0' },
  { name: 'bpf: a program for the kernel', number: [321, 280], arguments: '0, 0, 0' },
  { name: 'userfaultfd: to stop the kernel in the middle', number: [323, 282], arguments: '1', perhaps: true },
  { name: 'perf_event_open', number: [298, 241], arguments: '0, 0, -1, -1, 0', perhaps: true },
  { name: 'unshare: even without a namespace', number: [272, 97] },
  { name: 'setns: into another namespace', number: [308, 268], arguments: '-1, 0' },
  { name: 'clone: a process in a user namespace of its own', number: [56, 220], arguments: '0x10000011, 0, 0, 0, 0' },
  { name: 'quotactl', number: [179, 60] },
  { name: 'mount', number: [165, 40] },
  { name: 'open_by_handle_at: a file by its number', number: [304, 265], arguments: '-1, 0, 0' },
  { name: 'open_tree: a mount by the newer calls', number: [428, 428], arguments: '-1, 0, 0' },
  { name: 'fsopen: a file system by the newer calls', number: [430, 430], arguments: '0, 0', forRoot: true },
  { name: 'pivot_root', number: [155, 41], arguments: '0, 0', forRoot: true },
  { name: 'chroot', number: [161, 51] },
  { name: 'swapon', number: [167, 224], arguments: '0, 0', forRoot: true },
  { name: 'reboot', number: [169, 142], arguments: '0, 0, 0', forRoot: true },
  { name: 'syslog: the log of the kernel', number: [103, 116], arguments: '10, 0, 0', forRoot: true },
  { name: 'clock_settime', number: [227, 112], arguments: '0, 0' },
  { name: 'adjtimex', number: [159, 171] },
  { name: 'personality: without random addresses', number: [135, 92], arguments: '0x40000' },
  { name: 'move_pages', number: [279, 239] },
  { name: 'mbind', number: [237, 235] },
  { name: 'fanotify_init: to watch all of a file system', number: [300, 262], arguments: '0x200, 0', perhaps: true },
];

/** Prints `taken` if the kernel did it, or looked at what it was given; else why not. */
function callText({ number, arguments: given = '0, 0, 0, 0, 0' }: Call): string {
  const script = `
    use POSIX; my $zero = "\\0" x 256; my $r = syscall(${number[ARCHITECTURE]}, ${given});
    if ($r == 0 && ${number[ARCHITECTURE]} == ${[56, 220][ARCHITECTURE]}) { POSIX::_exit(0) }
    my $e = $!; my $n = $! + 0;
    print $r >= 0 || $n == EFAULT || $n == EINVAL || $n == EBADF || $n == ENODEV ? "taken\\n" : "refused: $e\\n"`;
  return `perl -e '${script}'`;
}

/** As root, without any sandbox. */
function asRoot(text: string): string {
  const done = spawnSync('bash', ['-c', text], { encoding: 'utf8' });
  return done.stdout + done.stderr;
}

/** The control of an attack; fails the test unless it works, or must not work here. */
async function control(t: TestContext, world: TestSandbox, text: string, of: Pick<Call, 'forRoot' | 'perhaps'>) {
  if (of.forRoot === true && !isRoot)
    return t.diagnostic('its control needs root: the run of these tests as root has it');
  const said = of.forRoot === true ? asRoot(text) : await bare(text, world);
  if (of.perhaps === true && !/^taken$/m.test(said))
    return t.diagnostic(`this kernel does not have it: ${said.trim()}`);
  assert.match(said, /^taken$/m, 'positive control: it works without the sandbox');
}

describe('a call to the kernel that a sandbox has no use for', () => {
  it('is refused before the kernel looks at it, each by its number', async (t) => {
    const world = await testSandbox(t);
    const box = await world.open('calls');
    for (const call of CALLS)
      await t.test(call.name, async (own) => {
        const text = callText(call);
        await control(own, world, text, call);
        assert.equal(await box.text(text), 'refused: Operation not permitted\n');
      });
  });

  it('is refused for want of a capability where firejail knows no such call', async (t) => {
    const world = await testSandbox(t);
    const box = await world.open('newer-calls');
    // mount_setattr(AT_FDCWD, "/", 0, attributes, 32): read-only off.
    const text = `perl -e 'my $a = pack("QQQQ", 0, 1, 0, 0); my $p = "/";
      print syscall(442, -100, $p, 0, $a, 32) == 0 ? "taken\\n" : "refused: $!\\n"'`;
    if (isRoot) assert.match(asRoot(`unshare -m ${text}`), /^taken$/m, 'positive control');
    assert.match(await box.text(text), /^refused: (?:Operation not permitted|Function not implemented)$/m);
  });

  it('is refused in the word size of another architecture', async (t) => {
    const world = await testSandbox(t);
    if (process.arch !== 'x64') return t.diagnostic('this processor has no other word size');
    const box = await world.open('foreign');
    const script = String.raw`
import ctypes, mmap
code = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"
page = mmap.mmap(-1, 4096, prot=7)
page.write(code)
print("pid", ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))() > 0, flush=True)`;
    const text = `python3 - <<'EOT'\n${script}\nEOT\necho "status $?"`;
    const outside = await bare(text, world);
    if (!/pid True/.test(outside)) return t.diagnostic(`this kernel has no calls of 32 bits: ${outside.trim()}`);
    assert.match(await box.text(text), /pid False|status 159|Bad system call/);
  });
});

interface Family {
  readonly name: string;
  readonly family: number;
  readonly kind?: number;
  readonly protocol?: number;
  readonly forRoot?: true;
  readonly perhaps?: true;
  readonly blocked?: RegExp;
}

const FAMILIES: readonly Family[] = [
  { name: 'to the host of a virtual machine (vsock)', family: 40, perhaps: true },
  { name: 'to the kernel (netlink)', family: 16, kind: 3 },
  { name: 'to the ciphers of the kernel (AF_ALG)', family: 38, kind: 5, perhaps: true },
  { name: 'for whole packets (packet)', family: 17, kind: 3, forRoot: true },
  { name: 'for keys of IPsec', family: 15, kind: 3, forRoot: true, perhaps: true },
  { name: 'to Bluetooth', family: 31, kind: 3, forRoot: true, perhaps: true },
  { name: 'to a CAN bus', family: 29, kind: 3, forRoot: true, perhaps: true },
  { name: 'of TIPC', family: 30, perhaps: true },
  { name: 'of XDP', family: 44, kind: 3, forRoot: true, perhaps: true },
  {
    name: 'for raw ICMP',
    family: 2,
    kind: 3,
    protocol: 1,
    forRoot: true,
    blocked: /^refused: Operation not permitted$/,
  },
  {
    name: 'for raw IPv6',
    family: 10,
    kind: 3,
    protocol: 58,
    forRoot: true,
    blocked: /^refused: Operation not permitted$/,
  },
];

describe('a socket that leads past the network of a sandbox', () => {
  it('is refused for every family but those of programs on this machine', async (t) => {
    const world = await testSandbox(t);
    const box = await world.open('families');
    for (const { name, family, kind = 1, protocol = 0, blocked, ...of } of FAMILIES)
      await t.test(name, async (own) => {
        const text = `perl -e 'print socket(S, ${family}, ${kind}, ${protocol}) ? "taken\\n" : "refused: $!\\n"'`;
        await control(own, world, text, of);
        assert.match((await box.text(text)).trim(), blocked ?? /^refused: Operation not supported$/);
      });
  });

  it('is there for the two that programs need', async (t) => {
    const box: OpenBox = await (await testSandbox(t)).open('needed');
    for (const family of [1, 2, 10])
      assert.equal(await box.text(`perl -e 'print socket(S, ${family}, 1, 0) ? "taken" : "$!"'`), 'taken');
    assert.match(readFileSync('/proc/net/protocols', 'utf8'), /^TCP/m);
  });
});
