// Owns the proof that reloads and graceful stops cost no request.
import Foundation
import Testing

extension EndToEnd {
    @Suite struct Lifecycle {
        @Test(arguments: InputOutput.available)
        func reloadCostsNoRequest(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["a", "b", "c"])
            let proxy = try Proxy(inputOutput, shop("", ["west": endpoints([nginx.ports[0]])]))
            let load = Load(proxy.port)
            var fresh = Load.Options()
            fresh.opensEach = true
            fresh.connections = 4
            let others = Load(proxy.port, fresh)
            try load.progress(by: 1_000)
            for round in 1...10 {
                // Each round has other endpoints; the first listener and its connections stay.
                let ports = [nginx.ports[round % 3], nginx.ports[(round + 1) % 3]]
                try proxy.reload(shop("endpoint_policy: random,", ["west": endpoints(ports)]))
                let expected = Set(ports.map { "127.0.0.1:\($0)" })
                try eventually("the endpoints of round \(round)") {
                    Set(try proxy.status().endpoints.map(\.address)) == expected
                }
                try load.progress(by: 300)
            }
            for tally in try [load.stop(), others.stop()] {
                #expect(tally.failures == [])
                #expect(Set(tally.statuses.keys) == [200])
                #expect(Set(tally.shares.keys) == ["a", "b", "c"])
            }
            #expect(try load.stop().reopened == 0, "a kept connection was closed by a reload")
        }

        @Test(arguments: InputOutput.available)
        func brokenFileLeavesTheOldOneInForce(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["a"])
            let proxy = try Proxy(inputOutput, shop("", ["west": endpoints(nginx.ports)]))
            let client = try Connection(proxy.port)
            #expect(try client.get().text == "a")
            try proxy.reload(shop("endpoint_polici: random,", ["west": endpoints([1])]))
            try eventually("an error in the log") {
                proxy.process.output.contains("meridian.yaml:") && proxy.process.output.contains("endpoint_polici")
            }
            #expect(try proxy.status().endpoints.map(\.address) == [nginx.address])
            #expect(try client.get().text == "a")
            #expect(try get(proxy.port).text == "a")
        }

        /// A change that needs a restart is refused whole, by its name.
        @Test func changeThatNeedsARestartIsRefusedWhole() throws {
            let nginx = try Nginx.withSites(["a", "b"])
            let before = shop("", ["west": endpoints([nginx.ports[0]])])
            let proxy = try Proxy(.epoll, before)
            let after = shop("", ["west": endpoints([nginx.ports[1]])]).replacing("id: n1", with: "id: n2")
            try proxy.reload(after)
            try eventually("a refusal in the log") {
                proxy.process.output.contains("node") && proxy.process.output.contains("restart")
            }
            #expect(try get(proxy.port).text == "a")
        }

        @Test(arguments: InputOutput.available)
        func listenersComeAndGo(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["a"])
            let extra = try freePorts(1)[0]
            let one = shop("", ["west": endpoints(nginx.ports)])
            let two = one.replacing(
                "listeners:", with: "listeners:\n  - { name: second, bind: \"127.0.0.1:\(extra)\", service: shop }")
            let proxy = try Proxy(inputOutput, one)
            let client = try Connection(proxy.port)
            #expect(try client.get().text == "a")
            // Several rounds, because what goes wrong when a socket is closed is a matter of microseconds.
            for _ in 0..<5 {
                try proxy.reload(two)
                try eventually("a second listener") { canConnect(extra) }
                #expect(try get(extra).text == "a")
                let load = Load(extra)
                try load.progress(by: 500)
                try proxy.reload(one)
                try eventually("the end of the second listener") { !canConnect(extra) }
                // Kept connections end between two requests, those that have begun get their answer; new ones are refused.
                let tally = try load.stop()
                #expect(tally.failures.allSatisfy { $0 == "refused" }, "\(Set(tally.failures))")
                #expect(Set(tally.statuses.keys) == [200])
            }
            #expect(try client.get().text == "a")
        }

        // MARK: Graceful stop

        @Test(arguments: InputOutput.available)
        func gracefulStopFinishesWhatItTook(_ inputOutput: InputOutput) throws {
            let slow = try ScriptedServer.answering("slow", after: .milliseconds(300))
            let proxy = try Proxy(
                inputOutput, shop("", ["west": endpoints([slow.port])], more: "shutdown: { deadline: 60s }"))
            var options = Load.Options()
            options.connections = 20
            let kept = Load(proxy.port, options)
            options.opensEach = true
            let fresh = Load(proxy.port, options)
            try kept.progress(by: 40)
            proxy.process.signal(SIGTERM)
            // Long before the deadline.
            let exit = try proxy.process.waitForExit(within: .seconds(30))
            #expect(exit == .code(0))
            for tally in try [kept.stop(), fresh.stop()] {
                // From then on nobody listens; what was taken got its answer.
                #expect(tally.failures.allSatisfy { $0 == "refused" }, "\(Set(tally.failures))")
                #expect(Set(tally.statuses.keys) == [200])
                #expect(tally.answers.count >= 20)
            }
        }

        /// A client is in the middle of an answer when the proxy is told to stop.
        @Test(arguments: InputOutput.available)
        func gracefulStopFinishesALongAnswer(_ inputOutput: InputOutput) throws {
            let half = 3 << 20
            let goesOn = Shared(false)
            let backend = try ScriptedServer { connection in
                _ = try connection.receive(through: "\r\n\r\n")
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(2 * half)\r\n\r\n")
                try connection.send([UInt8](repeating: 120, count: half))
                while !goesOn.value { usleep(1_000) }
                try connection.send([UInt8](repeating: 120, count: half))
            }
            let proxy = try Proxy(inputOutput, shop("health_check: off,", ["west": endpoints([backend.port])]))
            let client = try Connection(proxy.port)
            try client.send("GET /long HTTP/1.1\r\nHost: shop\r\n\r\n")
            let head = try Response(head: client.receive(through: "\r\n\r\n"))
            #expect(head["content-length"] == "\(2 * half)")
            proxy.process.signal(SIGTERM)
            try eventually("the end of listening") { !canConnect(proxy.port) }
            #expect(proxy.process.isRunning)
            goesOn.update { $0 = true }
            #expect(try client.drain() == 2 * half)
            // Long before the deadline.
            #expect(try proxy.process.waitForExit(within: .seconds(15)) == .code(0))
        }

        @Test(arguments: InputOutput.available)
        func stopIsCutAtItsDeadline(_ inputOutput: InputOutput) throws {
            let never = try ScriptedServer.answering("never", after: .seconds(60))
            let proxy = try Proxy(
                inputOutput, shop("", ["west": endpoints([never.port])], more: "shutdown: { deadline: 1s }"))
            let client = try Connection(proxy.port)
            try client.send("GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
            try eventually("the request at the backend") { never.connectionCount > 0 }
            let asked = ContinuousClock.now
            #expect(try proxy.stop(within: .seconds(25)) == .code(0))
            #expect(ContinuousClock.now - asked >= .milliseconds(900))
        }

        @Test func secondSignalStopsAtOnce() throws {
            let never = try ScriptedServer.answering("never", after: .seconds(60))
            let proxy = try Proxy(.epoll, shop("", ["west": endpoints([never.port])]))
            let client = try Connection(proxy.port)
            try client.send("GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
            try eventually("the request at the backend") { never.connectionCount > 0 }
            proxy.process.signal(SIGTERM)
            try eventually("the end of listening") { !canConnect(proxy.port) }
            proxy.process.signal(SIGTERM)
            // Else it ends at the deadline, after 30 s.
            _ = try proxy.process.waitForExit(within: .seconds(15))
        }

        /// `/readyz` says 503 for the delay, while requests are still taken.
        @Test(arguments: InputOutput.available)
        func readinessEndsBeforeListening(_ inputOutput: InputOutput) throws {
            let nginx = try Nginx.withSites(["a"])
            let proxy = try Proxy(
                inputOutput, shop("", ["west": endpoints(nginx.ports)], more: "shutdown: { delay: 4s, deadline: 5s }"))
            proxy.process.signal(SIGTERM)
            try eventually("an unready answer") { try proxy.admin("GET", "/readyz").status == 503 }
            #expect(try get(proxy.port).text == "a")
            #expect(try proxy.process.waitForExit() == .code(0))
        }
    }
}
