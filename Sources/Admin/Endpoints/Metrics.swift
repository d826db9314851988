// Owns GET /metrics.
internal import HTTPTransport

/// Prometheus text.
struct MetricsHandler: AdminHandler {
    let method = "GET"
    let pattern = "/metrics"
    let operation = APIOperation(.page, "What Prometheus scrapes.", answers: .text("text/plain"))

    func answer(_ call: AdminCall) {
        let text = MetricsPage(call.context).text
        call.respond(.text(200, text, type: "text/plain; version=0.0.4; charset=utf-8"))
    }
}
