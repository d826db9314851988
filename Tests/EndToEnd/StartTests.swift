// Owns the proof that a start that cannot succeed says why, and that a process short of descriptors stays calm.
import Foundation
import Glibc
import Testing

extension EndToEnd {
    @Suite struct Starts {
        /// Words that make a program run as nobody, where tests run as root.
        private static var asNobody: [String] {
            geteuid() == 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []
        }

        private func run(_ prefix: [String] = [], _ words: String...) throws -> (
            exit: ChildProcess.Exit, output: String
        ) {
            try ChildProcess.run(prefix + [Binary.path] + words)
        }

        @Test func badConfigurationIsRefusedWithItsPlace() throws {
            let scratch = try Scratch()
            let file = try scratch.write(
                "bad.yaml",
                """
                datacenters: [ west ]
                services: [ { name: shop, endpoint_polici: random, endpoints: [ "127.0.0.1:99999" ] } ]
                listeners: [ { name: web, bind: "127.0.0.1:8080", service: shopp } ]

                """)
            for command in ["check", "run"] {
                let result = try run([], command, "-c", file)
                #expect(result.exit == .code(1))
                // All of the mistakes, each at its place, with its line and a caret below.
                #expect(
                    result.output.contains("bad.yaml:2:27: error: unknown key 'endpoint_polici'"), "\(result.output)")
                #expect(result.output.contains("did you mean 'endpoint_policy'?"))
                #expect(result.output.contains("bad.yaml:2:65: error:"), "\(result.output)")
                #expect(result.output.contains("bad.yaml:3:60: error: there is no service 'shopp'"), "\(result.output)")
                #expect(result.output.contains("    ^~~~") || result.output.contains(" ^~~~"))
            }
        }

        @Test func goodConfigurationIsAccepted() throws {
            let scratch = try Scratch()
            #expect(try run([], "check", "-c", scratch.minimalConfiguration().path).exit == .code(0))
        }

        @Test func wrongUsageIsCodeTwo() throws {
            #expect(try run([], "run").exit == .code(2))
            #expect(try run([], "run", "-c", "/dev/null", "--io", "aio").exit == .code(2))
            #expect(try run([], "fly").exit == .code(2))
            #expect(try run([], "--version").exit == .code(0))
        }

        /// At the setting that names the file, all at once, by `check` as well as by `run`.
        @Test func badCertificatesAreToldWhereTheyAreNamed() throws {
            let scratch = try Scratch()
            for name in ["a", "b"] {
                let made = try ChildProcess.run([
                    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                    "-subj", "/CN=n1", "-keyout", "\(scratch.path)/\(name).key", "-out", "\(scratch.path)/\(name).pem",
                ])
                #expect(made.exit == .code(0), "\(made.output)")
            }
            let empty = try scratch.write("empty.pem", "nothing\n")
            let ports = try freePorts(3)
            func file(_ certificate: String, _ key: String, _ authority: String) throws -> String {
                try scratch.write(
                    "n1.yaml",
                    """
                    node: { id: n1, datacenter: west, data_dir: "\(scratch.path)/data" }
                    admin: { bind: "127.0.0.1:\(ports[0])" }
                    cluster:
                      members: [ { id: n1, address: "127.0.0.1:\(ports[1])", datacenter: west } ]
                      tls:
                        certificate: "\(certificate)"
                        key: "\(key)"
                        ca: "\(authority)"
                    services: [ { name: shop, endpoints: [ "127.0.0.1:\(ports[2])" ] } ]
                    listeners: [ { name: web, bind: "127.0.0.1:0", service: shop } ]

                    """)
            }
            let (certificate, key) = (scratch.path + "/a.pem", scratch.path + "/a.key")
            let good = try run([], "check", "-c", file(certificate, key, certificate))
            #expect(good.exit == .code(0), "\(good.output)")
            let cases = [
                (certificate, scratch.path + "/b.key", certificate, ["n1.yaml:7:10: error: ", "does not belong to"]),
                (
                    empty, empty, empty,
                    ["n1.yaml:6:18: error: ", "n1.yaml:7:10: error: ", "n1.yaml:8:9: error: ", "PEM"]
                ),
                (scratch.path + "/nope.pem", key, certificate, ["n1.yaml:6:18: error: ", "No such file"]),
                (certificate, key, scratch.path, ["n1.yaml:8:9: error: "]),
            ]
            for (certificate, key, authority, words) in cases {
                let file = try file(certificate, key, authority)
                for command in ["check", "run"] {
                    let result = try run([], command, "-c", file)
                    #expect(result.exit == .code(1))
                    for word in words { #expect(result.output.contains(word), "\(word): \(result.output)") }
                    let errors = result.output.split(separator: "\n").filter { $0.contains(": error: ") }
                    #expect(errors.count == words.count { $0.hasPrefix("n1.yaml") }, "\(result.output)")
                }
            }
        }

        @Test func missingAndUnreadableFilesAreNamed() throws {
            let missing = try run([], "run", "-c", "/nowhere/meridian.yaml")
            #expect(missing.exit == .code(1))
            #expect(missing.output.contains("/nowhere/meridian.yaml") && missing.output.contains("No such file"))
            let scratch = try Scratch()
            let secret = try scratch.write("secret.yaml", "services: []\n")
            chmod(secret, 0)
            let nobody = try PublicBinary()
            let unreadable = try ChildProcess.run(Self.asNobody + [nobody.path, "run", "-c", secret])
            #expect(unreadable.exit == .code(1))
            #expect(unreadable.output.contains("secret.yaml") && unreadable.output.contains("ermission denied"))
        }

        @Test(arguments: InputOutput.available)
        func portInUseIsNamed(_ inputOutput: InputOutput) throws {
            let scratch = try Scratch()
            let configuration = try scratch.minimalConfiguration()
            let taken = try Listener(configuration.port)
            let result = try run([], "run", "-c", configuration.path, "--io", inputOutput.rawValue)
            #expect(result.exit == .code(1))
            #expect(result.output.contains("127.0.0.1:\(taken.port)"), "\(result.output)")
            #expect(result.output.lowercased().contains("in use"), "\(result.output)")
        }

        /// Two of us do not share a port by accident, though workers do on purpose.
        @Test(arguments: InputOutput.available)
        func secondProcessIsRefusedThePort(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["a"])
            let proxy = try Proxy(inputOutput, shop("", ["west": endpoints(nginx.ports)]))
            let scratch = try Scratch()
            let text = try String(contentsOfFile: proxy.file, encoding: .utf8)
            let file = try scratch.write(
                "second.yaml", text.replacing("\(proxy.adminPort)", with: "\(freePorts(1)[0])"))
            let result = try run([], "run", "-c", file, "--io", inputOutput.rawValue)
            #expect(result.exit == .code(1))
            #expect(result.output.contains("\(proxy.port)"), "\(result.output)")
            #expect(result.output.lowercased().contains("in use"), "\(result.output)")
            #expect(try Load.run(200, to: proxy.port).statuses == [200: 200])
        }

        @Test func portWithoutPermissionIsNamed() throws {
            let scratch = try Scratch()
            let folder = scratch.path + "/closed"
            mkdir(folder, 0o700)
            let ports = try freePorts(2)
            let file = try scratch.write(
                "meridian.yaml",
                """
                admin: { bind: "127.0.0.1:\(ports[0])" }
                datacenters: [ west ]
                services: [ { name: shop, endpoints: [ "127.0.0.1:\(ports[1])" ] } ]
                listeners: [ { name: web, bind: "unix:\(folder)/web.sock", service: shop } ]

                """)
            if geteuid() != 0 { chmod(folder, 0) }
            let nobody = try PublicBinary()
            let result = try ChildProcess.run(Self.asNobody + [nobody.path, "run", "-c", file])
            if geteuid() != 0 { chmod(folder, 0o700) }
            #expect(result.exit == .code(1))
            #expect(result.output.contains("\(folder)/web.sock"), "\(result.output)")
            #expect(result.output.lowercased().contains("permission denied"), "\(result.output)")
        }

        // MARK: Descriptors

        @Test(arguments: InputOutput.available)
        func tooFewDescriptorsToStartIsAnError(_ inputOutput: InputOutput) throws {
            let scratch = try Scratch()
            let file = try scratch.minimalConfiguration().path
            for limit in [4, 6, 9, 12] {
                let result = try ChildProcess.run(
                    [
                        "prlimit", "--nofile=\(limit):\(limit)", Binary.path, "run", "-c", file, "--io",
                        inputOutput.rawValue,
                    ])
                #expect(result.exit == .code(1), "\(limit): \(result)")
                #expect(!result.output.isEmpty)
            }
        }

        /// With no descriptors left for clients, new ones wait or are turned away, those that are served stay, backends and
        /// operators are still reached, and nothing spins.
        @Test(arguments: InputOutput.available)
        func noDescriptorsLeftIsSurvived(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["a"])
            let proxy = try Proxy(
                inputOutput, shop("health_check: off,", ["west": endpoints(nginx.ports)]),
                prefix: ["prlimit", "--nofile=400:400"])
            let first = try Connection(proxy.port)
            #expect(try first.get().text == "a")
            // Who is turned away may see the reset while it connects.
            var clients = (0..<300).compactMap { _ in try? Connection(proxy.port) }
            #expect(clients.count > 50)
            for client in clients { try? client.send("GET / HTTP/1.1\r\nHost: shop\r\n\r\n") }
            try settled("what is open") { try proxy.process.descriptors() }
            let before = try proxy.process.processorTime()
            usleep(1_000_000)
            let spent = try proxy.process.processorTime() - before
            #expect(spent < .milliseconds(300), "\(spent) in a second")
            #expect(proxy.process.isRunning)
            #expect(try first.get().text == "a")
            #expect(try proxy.status().node == "n1")
            clients.removeAll()
            // Clients that have left still stand in the backlog, and each takes descriptors for a moment when its turn
            // comes: what counts is that this ends.
            try eventually("service as before, 500 times in a row") {
                guard let tally = try? Load.run(500, to: proxy.port) else { return false }
                return tally.failures.isEmpty && tally.statuses == [200: 500]
            }
        }
    }
}

/// A copy of the binary that everybody may execute, wherever the original is.
private struct PublicBinary {
    let path: String
    private let scratch: Scratch

    init() throws {
        scratch = try Scratch()
        chmod(scratch.path, 0o755)
        path = scratch.path + "/meridian"
        try FileManager.default.copyItem(atPath: Binary.path, toPath: path)
        chmod(path, 0o755)
    }
}
