// Owns the count of a process's allocations, by a library that is loaded before the C library.
import Foundation

/// A file that the process under test counts its allocations in, for each thread.
final class AllocationCounter {
    /// Whether there is a C compiler, which the library needs.
    static let canBeBuilt = (try? ChildProcess.run(["cc", "--version"]))?.exit == .code(0)

    private static let slots = 256
    private let scratch: Scratch
    private let library: String
    private let file: String

    init() throws {
        scratch = try Scratch()
        library = scratch.path + "/count.so"
        file = try scratch.makeSparse("counts", bytes: 16 * (Self.slots + 1))
        let source = try scratch.write("count.c", Self.source)
        let compiler = try ChildProcess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source])
        guard compiler.exit == .code(0) else { throw Failure("cc: \(compiler.output)") }
    }

    /// The words before a command that has its allocations counted.
    var prefix: [String] { ["env", "ALLOCATION_COUNTS=\(file)", "LD_PRELOAD=\(library)"] }

    /// How many allocations there were so far.
    ///
    /// - Parameter isCounted: whether the threads of a name are meant; a thread that has ended has no name.
    func allocations(of process: ChildProcess, isCounted: (String) -> Bool) throws -> Int {
        let bytes = try Data(contentsOf: URL(filePath: file))
        func number(_ index: Int) -> Int {
            bytes.withUnsafeBytes { Int($0.loadUnaligned(fromByteOffset: 8 * index, as: Int64.self)) }
        }
        // Beyond the last slot threads would share one.
        let used = number(0)
        guard used <= Self.slots else { throw Failure("\(used) threads allocate") }
        return (1..<(used + 1)).reduce(0) { sum, slot in
            let thread = "/proc/\(process.pid)/task/\(number(2 * slot))/comm"
            let name = (try? String(contentsOfFile: thread, encoding: .utf8)) ?? ""
            return isCounted(name) ? sum + number(2 * slot + 1) : sum
        }
    }

    private static let source = """
        #define _GNU_SOURCE
        #include <errno.h>
        #include <fcntl.h>
        #include <stdatomic.h>
        #include <stdint.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <unistd.h>

        void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
        void *__libc_memalign(size_t, size_t);

        enum { SLOTS = \(slots) };
        static struct {
            _Atomic int64_t used, unused;
            struct { _Atomic int64_t thread, count; } slots[SLOTS];
        } *shared;
        static __thread __attribute__((tls_model("initial-exec"))) int slot = -1;

        __attribute__((constructor)) static void begin(void) {
            const char *path = getenv("ALLOCATION_COUNTS");
            int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
            if (file < 0) return;
            void *memory = mmap(0, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
            if (memory != MAP_FAILED) shared = memory;
            close(file);
        }

        static void count(void) {
            if (!shared) return;
            if (slot < 0) {
                slot = atomic_fetch_add(&shared->used, 1) % SLOTS;
                shared->slots[slot].thread = gettid();
            }
            shared->slots[slot].count++;
        }

        void *malloc(size_t size) { count(); return __libc_malloc(size); }
        void *calloc(size_t number, size_t size) { count(); return __libc_calloc(number, size); }
        void *realloc(void *old, size_t size) { count(); return __libc_realloc(old, size); }
        void *memalign(size_t alignment, size_t size) { count(); return __libc_memalign(alignment, size); }
        void *aligned_alloc(size_t alignment, size_t size) { count(); return __libc_memalign(alignment, size); }
        int posix_memalign(void **result, size_t alignment, size_t size) {
            if (!alignment || alignment % sizeof(void *) || alignment & (alignment - 1)) return EINVAL;
            count();
            void *memory = __libc_memalign(alignment, size);
            if (!memory) return ENOMEM;
            *result = memory;
            return 0;
        }

        """
}
