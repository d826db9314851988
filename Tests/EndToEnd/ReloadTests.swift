// Owns the proof of what a reload takes beside services and listeners: the access log, and addresses that overlap.
import Foundation
import Glibc
import Testing

extension EndToEnd {
    @Suite struct Reloads {
        private func lines(_ path: String) -> [Substring] {
            ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: "\n")
        }

        private func reload(_ proxy: Proxy, _ configuration: String, times: Int) throws {
            try proxy.reload(configuration)
            try eventually("reload \(times)") {
                proxy.process.output.ranges(of: "configuration reloaded").count == times
            }
        }

        /// Off → on → another format → another path → off, under traffic on one connection: no line is lost or torn.
        @Test(arguments: InputOutput.available)
        func accessLogIsTaken(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["a"])
            let scratch = try Scratch()
            let (first, second) = (scratch.path + "/first.log", scratch.path + "/second.log")
            func configuration(_ log: String) -> String {
                shop("", ["west": endpoints(nginx.ports)], more: "access_log: \(log)")
            }
            let proxy = try Proxy(inputOutput, configuration("off"), workers: 1)
            let client = try Connection(proxy.port)
            func ask(_ count: Int) throws { for _ in 0..<count { #expect(try client.get().text == "a") } }
            try ask(3)
            try reload(proxy, configuration("{ path: \(first), format: json }"), times: 1)
            try ask(20)
            try reload(proxy, configuration("{ path: \(first), format: combined }"), times: 2)
            try ask(21)
            try reload(proxy, configuration("{ path: \(second), format: json }"), times: 3)
            try ask(22)
            try reload(proxy, configuration("off"), times: 4)
            try ask(3)
            try proxy.stop()
            let written = lines(first)
            #expect(written.count { $0.hasPrefix("{") && $0.hasSuffix("}") } == 20)
            #expect(written.count { $0.hasPrefix("127.0.0.1 - - [") } == 21)
            #expect(written.count == 41)
            #expect(lines(second).count == 22)
            for line in written + lines(second) where line.hasPrefix("{") {
                #expect(throws: Never.self) { try JSONSerialization.jsonObject(with: Data(line.utf8)) }
            }
        }

        /// The old log goes on where the new one cannot be opened, and the reload is refused.
        @Test func aLogThatCannotBeOpenedIsRefused() throws {
            let nginx = try Nginx.withSites(["a"])
            let scratch = try Scratch()
            func configuration(_ path: String) -> String {
                shop("", ["west": endpoints(nginx.ports)], more: "access_log: { path: \(path) }")
            }
            let proxy = try Proxy(.epoll, configuration(scratch.path + "/log"))
            try proxy.reload(configuration("/nowhere/log"))
            try eventually("a refusal") { proxy.process.output.contains("open access log /nowhere/log") }
            #expect(!proxy.process.output.contains("configuration reloaded"))
            #expect(try get(proxy.port).text == "a")
            try proxy.stop()
            #expect(lines(scratch.path + "/log").count == 1)
        }

        /// There and back, from an address of this machine to all of them, IPv6 too, without a refused connection.
        @Test(arguments: InputOutput.available)
        func aListenerMovesToAnAddressThatOverlapsItsOwn(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["a"])
            let before = shop("", ["west": endpoints(nginx.ports)])
            let proxy = try Proxy(inputOutput, before)
            for (number, bind) in ["0.0.0.0:$PORT", "[::]:$PORT", "127.0.0.1:$PORT", ":$PORT"].enumerated() {
                try reload(proxy, before.replacing("127.0.0.1:$PORT", with: bind), times: number + 1)
                #expect(try get(proxy.port).text == "a", "\(bind)")
            }
        }

        /// Somebody else is on a part of the new address: the old listener goes on.
        @Test func aListenerThatCannotMoveStays() throws {
            let nginx = try Nginx.withSites(["a"])
            let before = shop("", ["west": endpoints(nginx.ports)])
            let proxy = try Proxy(.epoll, before)
            let other = try ScriptedServer { _ in }
            let taken = other.address.split(separator: ":").last ?? ""
            try proxy.reload(before.replacing("127.0.0.1:$PORT", with: "0.0.0.0:\(taken)"))
            try eventually("a refusal") { proxy.process.output.contains("Address already in use") }
            #expect(try get(proxy.port).text == "a")
        }

        /// A listener on a Unix socket that becomes another keeps its path.
        @Test func aUnixListenerMayChangeItsName() throws {
            let nginx = try Nginx.withSites(["a"])
            let scratch = try Scratch()
            let unix = "  - { name: inner, bind: \"unix:\(scratch.path)/web.sock\", service: shop }"
            let before = shop("", ["west": endpoints(nginx.ports)]).replacing("listeners:", with: "listeners:\n\(unix)")
            let proxy = try Proxy(.epoll, before)
            func ask() throws -> String {
                try ChildProcess.run([
                    "curl", "-s", "--unix-socket", scratch.path + "/web.sock", "http://shop/",
                ]).output
            }
            #expect(try ask().contains("a"))
            try reload(proxy, before.replacing("name: inner", with: "name: outer"), times: 1)
            #expect(try ask().contains("a"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["web.sock"])
        }

        /// Neither of two proxies in a row has a name of its own: each makes one, so neither takes the other for itself.
        @Test func twoProxiesInARowNeedNoNames() throws {
            func nameless(_ port: UInt16) -> String {
                shop("", ["west": endpoints([port])]).replacing("id: n1, ", with: "")
            }
            let nginx = try Nginx.withSites(["a"])
            let inner = try Proxy(.epoll, nameless(nginx.ports[0]))
            let outer = try Proxy(.epoll, nameless(inner.port))
            #expect(try get(outer.port).text == "a")
            #expect(try inner.status().node != outer.status().node)
            // A loop is still one: the node's own name is in the request.
            try reload(inner, nameless(outer.port), times: 1)
            #expect(try get(outer.port).status == 508)
        }

        /// The name lives as long as the data directory.
        @Test func theMadeNameIsKept() throws {
            let nginx = try Nginx.withSites(["a"])
            let scratch = try Scratch()
            let text = shop("", ["west": endpoints(nginx.ports)])
                .replacing("id: n1, ", with: "data_dir: \(scratch.path)/data, ")
            var names: [String] = []
            for _ in 0..<2 {
                let proxy = try Proxy(.epoll, text)
                try reload(proxy, text, times: 1)
                names.append(try proxy.status().node)
                try proxy.stop()
            }
            #expect(names[0] == names[1] && names[0] != "node")
        }

        @Test func sharesOfDescriptorsAreShownAndTooFewAreRefused() throws {
            let scratch = try Scratch()
            let file = try scratch.minimalConfiguration().path
            func check(_ limit: Int) throws -> (exit: ChildProcess.Exit, output: String) {
                try ChildProcess.run(["prlimit", "--nofile=\(limit):\(limit)", Binary.path, "check", "-c", file])
            }
            let enough = try check(512)
            #expect(enough.exit == .code(0))
            #expect(enough.output.contains("512 open files: "), "\(enough.output)")
            let few = try check(64)
            #expect(few.exit == .code(1))
            #expect(few.output.contains("the limit of open files is 64, and these settings need at least"))
        }
    }
}
