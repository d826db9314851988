// Owns which binary is tested, and which of its event loops this machine can run.
import Foundation
import Testing

enum Binary {
    /// `MERIDIAN_BINARY`, or what a release build left in this package.
    static let path: String = {
        if let named = ProcessInfo.processInfo.environment["MERIDIAN_BINARY"] { return named }
        let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return package.appending(path: ".build/release/meridian").path()
    }()

    /// A binary that is named has to be there: then its absence fails the tests instead of skipping them.
    static var isNamedOrBuilt: Bool {
        ProcessInfo.processInfo.environment["MERIDIAN_BINARY"] != nil
            || FileManager.default.isExecutableFile(atPath: path)
    }
}

/// How the proxy under test does input and output.
enum InputOutput: String, CaseIterable, CustomTestStringConvertible {
    case uring = "io_uring"
    case epoll

    var testDescription: String { rawValue }

    /// Both, where the kernel allows io_uring. `MERIDIAN_IO` names the one that is to be tested.
    static let available: [InputOutput] = {
        if let named = ProcessInfo.processInfo.environment["MERIDIAN_IO"] {
            return allCases.filter { $0.rawValue == named }
        }
        return kernelRunsUring ? allCases : [.epoll]
    }()

    /// Containers often forbid io_uring: by the kernel's switch, or by a filter of system calls that says EPERM.
    private static var kernelRunsUring: Bool {
        guard let scratch = try? Scratch(), let configuration = try? scratch.minimalConfiguration() else {
            return false
        }
        guard
            let process = try? ChildProcess(
                [Binary.path, "run", "-c", configuration.path, "--io", "io_uring"], log: scratch.path + "/probe.log")
        else { return false }
        return (try? eventually("a start with io_uring") { canConnect(configuration.port) || !process.isRunning })
            != nil
            && process.isRunning
    }
}
