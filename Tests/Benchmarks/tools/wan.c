// Owns the network between datacenters: a switch of Ethernet frames that cuts, delays and loses, each way alone.
//
// Kernels often lack netem, and a cut made by a firewall rule would need one more thing that is not everywhere.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "records.h"

#define PLACES 3
// What the kernel hands over before segmentation, with its header.
#define FRAME_BYTES (sizeof(struct virtio_net_hdr) + 65536 + ETH_HLEN)
// Frames on their way on a link that delays; more are lost, as in a router whose queue is full.
#define QUEUE_LIMIT 4096

struct frame {
    uint64_t due;
    size_t length;
    struct frame *next;
    char bytes[];
};

// One direction between two places.
struct link {
    bool is_cut;
    uint64_t delay_nanoseconds;
    // In 1/65536.
    unsigned loss;
    struct frame *first, *last;
    unsigned queued;
};

static struct link links[PLACES][PLACES];
static int sockets[PLACES];
static uint32_t random_state = 2463534242u;

static void stop(const char *reason) {
    fprintf(stderr, "wan: %s: %s\n", reason, strerror(errno));
    exit(2);
}

// Marsaglia's xorshift: losses are the same in every run.
static unsigned random_16(void) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return random_state >> 16;
}

// A socket for whole frames of an interface, each with the header that says which checksums are still to be made.
static int open_interface(const char *name) {
    int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0) stop("cannot open a packet socket");
    int yes = 1, room = 4 << 20;
    if (setsockopt(descriptor, SOL_PACKET, PACKET_VNET_HDR, &yes, sizeof yes) < 0) stop("PACKET_VNET_HDR");
    if (setsockopt(descriptor, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes) < 0)
        stop("PACKET_IGNORE_OUTGOING");
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = (int)if_nametoindex(name)};
    if (address.sll_ifindex == 0 || bind(descriptor, (struct sockaddr *)&address, sizeof address) < 0) stop(name);
    return descriptor;
}

static void deliver(int to, const char *bytes, size_t length) {
    // What does not fit is lost: it is a network.
    if (send(sockets[to], bytes, length, MSG_DONTWAIT) < 0) return;
}

static void pass_on(int from, int to, const char *bytes, size_t length) {
    struct link *link = &links[from][to];
    if (link->is_cut || (link->loss > 0 && random_16() < link->loss)) return;
    if (link->delay_nanoseconds == 0 && !link->first) return deliver(to, bytes, length);
    struct frame *frame = link->queued < QUEUE_LIMIT ? malloc(sizeof *frame + length) : NULL;
    if (!frame) return;
    frame->due = now_nanoseconds() + link->delay_nanoseconds;
    frame->length = length;
    frame->next = NULL;
    memcpy(frame->bytes, bytes, length);
    *(link->last ? &link->last->next : &link->first) = frame;
    link->last = frame;
    link->queued++;
}

static void receive(int from) {
    static char bytes[FRAME_BYTES];
    for (int turn = 0; turn < 256; turn++) {
        ssize_t count = recv(sockets[from], bytes, sizeof bytes, MSG_DONTWAIT);
        if (count < (ssize_t)(sizeof(struct virtio_net_hdr) + ETH_HLEN)) return;
        // Place N has the hardware address 02:00:00:00:00:N, counted from 1.
        static const unsigned char prefix[5] = {2};
        const unsigned char *to = (unsigned char *)bytes + sizeof(struct virtio_net_hdr);
        if (memcmp(to, prefix, 5) != 0 || to[5] < 1 || to[5] > PLACES || to[5] - 1 == from) continue;
        pass_on(from, to[5] - 1, bytes, (size_t)count);
    }
}

// Delivers what is due; milliseconds until more is, -1: nothing waits.
static int deliver_those_due(void) {
    uint64_t now = now_nanoseconds(), earliest = UINT64_MAX;
    for (int from = 0; from < PLACES; from++) {
        for (int to = 0; to < PLACES; to++) {
            struct link *link = &links[from][to];
            for (struct frame *frame; (frame = link->first) && frame->due <= now;) {
                link->first = frame->next;
                if (!link->first) link->last = NULL;
                link->queued--;
                deliver(to, frame->bytes, frame->length);
                free(frame);
            }
            if (link->first && link->first->due < earliest) earliest = link->first->due;
        }
    }
    return earliest == UINT64_MAX ? -1 : (int)((earliest - now + 999999) / 1000000);
}

// `cut FROM TO`, `heal FROM TO`, `delay FROM TO MILLISECONDS`, `loss FROM TO PERCENT`: one direction, places from 1 on.
static bool obey(const char *line) {
    char verb[16];
    int from, to;
    double value = 0;
    int count = sscanf(line, "%15s %d %d %lf", verb, &from, &to, &value);
    if (count < 3 || from < 1 || from > PLACES || to < 1 || to > PLACES || from == to || value < 0) return false;
    struct link *link = &links[from - 1][to - 1];
    if (strcmp(verb, "cut") == 0) {
        link->is_cut = true;
    } else if (strcmp(verb, "heal") == 0) {
        link->is_cut = false;
    } else if (strcmp(verb, "delay") == 0 && count == 4) {
        link->delay_nanoseconds = (uint64_t)(value * 1e6);
    } else if (strcmp(verb, "loss") == 0 && count == 4) {
        link->loss = (unsigned)(value * 655.36);
    } else {
        return false;
    }
    return true;
}

// wan INTERFACE INTERFACE INTERFACE; ends with standard input.
int main(int count, char **arguments) {
    if (count != PLACES + 1) {
        fprintf(stderr, "usage: wan INTERFACE INTERFACE INTERFACE\n");
        return 2;
    }
    struct pollfd watched[PLACES + 1] = {{.fd = STDIN_FILENO, .events = POLLIN}};
    for (int place = 0; place < PLACES; place++) {
        sockets[place] = open_interface(arguments[place + 1]);
        watched[place + 1] = (struct pollfd){.fd = sockets[place], .events = POLLIN};
    }
    setvbuf(stdin, NULL, _IONBF, 0);
    setvbuf(stdout, NULL, _IOLBF, 0);
    puts("ready");
    for (;;) {
        if (poll(watched, PLACES + 1, deliver_those_due()) < 0 && errno != EINTR) stop("poll");
        for (int place = 0; place < PLACES; place++)
            if (watched[place + 1].revents) receive(place);
        if (!watched[0].revents) continue;
        char line[128];
        if (!fgets(line, sizeof line, stdin)) return 0;
        puts(obey(line) ? "done" : "wrong");
    }
}
