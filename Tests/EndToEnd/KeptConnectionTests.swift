// Owns the proof that a reload which changes listeners changes what kept connections are given, too.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct KeptConnections {
        private struct Site: Sendable {
            var name = "second"
            var port: UInt16
            var service = "old"
        }

        /// The first listener stays as it is; the second is what the test changes.
        private func configuration(_ old: RawBackend, _ new: RawBackend, _ site: Site?, withOld: Bool = true) -> String
        {
            let listener = site.map {
                "  - { name: \($0.name), bind: \"127.0.0.1:\($0.port)\", service: \($0.service) }"
            }
            let service = "  - { name: old, health_check: off, endpoints: [ \"\(old.address)\" ] }"
            return """
                datacenters: [ west ]
                services:
                \(withOld ? service : "")
                  - { name: new, health_check: off, endpoints: [ "\(new.address)" ] }
                listeners:
                  - { name: web, bind: "127.0.0.1:$PORT", service: new }
                \(listener ?? "")
                """
        }

        /// A backend that answers with its name; under `/wait` when the gate is open, under `/long` the second half then.
        private func backend(_ name: String, _ gate: Gate = Gate()) throws -> RawBackend {
            try RawBackend { visit in
                while let request = try visit.request() {
                    switch request.target {
                    case "/wait":
                        try gate.wait()
                        try visit.answer(name)
                    case "/long":
                        try visit.send("HTTP/1.1 200 OK\r\nContent-Length: \(2 * name.utf8.count)\r\n\r\n\(name)")
                        try gate.wait()
                        try visit.send(name)
                    default: try visit.answer(name)
                    }
                }
            }
        }

        enum Change: String, CaseIterable, CustomTestStringConvertible {
            case removed, moved, renamed
            var testDescription: String { rawValue }
        }

        /// What becomes of connections to a listener that is not there any more.
        @Test(arguments: InputOutput.available, Change.allCases)
        func ofAListenerThatIsGoneAreDrained(_ inputOutput: InputOutput, change: Change) throws {
            let gate = Gate()
            let old = try backend("old", gate)
            let new = try backend("new")
            let ports = try freePorts(2)
            let before = Site(port: ports[0])
            let after: Site? =
                switch change {
                case .removed: nil
                case .moved: Site(port: ports[1], service: "new")
                case .renamed: Site(name: "third", port: ports[0], service: "new")
                }
            let proxy = try Proxy(inputOutput, configuration(old, new, before))
            let other = try Connection(proxy.port)
            #expect(try other.get().text == "new")
            // Enough of them to meet every worker.
            let idle = try (0..<8).map { _ in try Connection(before.port) }
            for client in idle { #expect(try client.get().text == "old") }
            let untouched = try (0..<8).map { _ in try Connection(before.port) }
            let waiting = try (0..<8).map { _ in try Connection(before.port) }
            for client in waiting { try client.send("GET /wait HTTP/1.1\r\nHost: shop\r\n\r\n") }
            let reading = try (0..<8).map { _ in try Connection(before.port) }
            for client in reading {
                try client.send("GET /long HTTP/1.1\r\nHost: shop\r\n\r\n")
                _ = try client.receive(through: "old")
            }
            try eventually("all requests at the backend") {
                old.requests.count { $0.target == "/wait" || $0.target == "/long" } == 16
            }
            try proxy.reload(configuration(old, new, after, withOld: false))
            switch change {
            case .removed, .moved: try eventually("the end of the listener") { !canConnect(before.port) }
            case .renamed: try eventually("the new listener") { (try? get(before.port).text) == "new" }
            }
            if change == .moved { #expect(try get(ports[1]).text == "new") }
            // Those that wait for nothing are closed, in order; those that have not asked yet are no different.
            for client in idle + untouched {
                client.setTimeout(.seconds(8))
                #expect(try client.awaitEnd() == .orderly)
            }
            gate.open()
            // What was asked is answered by whom it was asked of, and is the last.
            for client in waiting {
                let response = try client.receiveResponse()
                #expect(response.text == "old" && response["connection"] == "close", "\(response)")
                #expect(try client.receiveToEnd() == [])
            }
            for client in reading {
                #expect(try client.receive(exactly: 3) == Array("old".utf8))
                #expect(try client.receiveToEnd() == [])
            }
            // Connections to a listener that stayed stay.
            #expect(try other.get().text == "new")
        }

        /// The next request follows the new routes, whether or not one is under way.
        @Test(arguments: InputOutput.available)
        func ofAChangedListenerFollowTheNewRoutes(_ inputOutput: InputOutput) throws {
            let gate = Gate()
            let old = try backend("old", gate)
            let new = try backend("new")
            let port = try freePorts(1)[0]
            let proxy = try Proxy(inputOutput, configuration(old, new, Site(port: port)))
            let idle = try (0..<8).map { _ in try Connection(port) }
            for client in idle { #expect(try client.get().text == "old") }
            let waiting = try (0..<8).map { _ in try Connection(port) }
            for client in waiting { try client.send("GET /wait HTTP/1.1\r\nHost: shop\r\n\r\n") }
            try eventually("all requests at the backend") { old.requests.count { $0.target == "/wait" } == 8 }
            try proxy.reload(configuration(old, new, Site(port: port, service: "new"), withOld: false))
            // All workers know when as many new connections as meet each of them do.
            try eventually("the new routes") { try (0..<32).allSatisfy { _ in try get(port).text == "new" } }
            for client in idle { #expect(try client.get().text == "new") }
            gate.open()
            for client in waiting {
                let response = try client.receiveResponse()
                #expect(response.text == "old" && response["connection"] == nil, "\(response)")
                #expect(try client.get().text == "new")
            }
        }
    }
}
