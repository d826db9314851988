// Owns the proof of the one word for an endpoint of which several things hold.
import Catalog
import Health
import Routing
import Testing

@testable import Admin

@Suite struct EndpointWords {
    @Test(
        "One word of several that hold",
        arguments: [
            (OperatingState.active, EndpointHealth.up, false, "up"), (.active, .up, true, "ejected"),
            (.active, .unknown, false, "unknown"), (.active, .unknown, true, "ejected"),
            (.active, .down, false, "down"),
            (.active, .down, true, "down"), (.draining, .up, false, "draining"), (.draining, .down, true, "draining"),
        ])
    func word(_ state: OperatingState, _ health: EndpointHealth, _ isEjected: Bool, _ expected: String) {
        let condition = EndpointCondition(health: health, isEjected: isEjected)
        #expect(ServiceDocument.Endpoint.state(state, condition) == expected)
    }
}
