//! Networking: a TCP/IP stack with itself as the peer, a message broker.

use crate::inputs::{self, Random};
use crate::recorded;
use serde::{Deserialize, Serialize};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Loopback, Medium};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};
use std::collections::{BTreeMap, VecDeque};

/// A client and the server's end of one connection.
struct Connection {
    client: SocketHandle,
    server: SocketHandle,
    request: Vec<u8>,
    received: Vec<u8>,
}

/// smoltcp: connections that come and go over the loopback device, each with buffers of its own.
pub fn tcp() {
    let random = &mut Random::new(51);
    recorded(|| {
        let mut device = Loopback::new(Medium::Ip);
        let mut interface = Interface::new(Config::new(HardwareAddress::Ip), &mut device, Instant::ZERO);
        interface.update_ip_addrs(|addresses| addresses.push(IpCidr::new(IpAddress::v4(127, 0, 0, 1), 8)).unwrap());
        let mut sockets = SocketSet::new(Vec::new());
        let mut connections: Vec<Connection> = Vec::new();
        let (mut port, mut served) = (1000, Vec::new());
        for now in 0..3000 {
            if connections.len() < 10 && random.below(12) == 0 {
                port += 1;
                connections.push(connect(&mut interface, &mut sockets, port, random));
            }
            interface.poll(Instant::from_millis(now), &mut device, &mut sockets);
            for connection in &mut connections {
                exchange(&mut sockets, connection);
            }
            connections.retain(|connection| {
                let done = connection.received.len() >= connection.request.len();
                if done {
                    served.push(String::from_utf8_lossy(&connection.received[..16]).into_owned());
                    sockets.remove(connection.client);
                    sockets.remove(connection.server);
                }
                !done
            });
            if served.len() > 20 {
                served.drain(..10);
            }
        }
    });
}

fn connect(interface: &mut Interface, sockets: &mut SocketSet<'_>, port: u16, random: &mut Random) -> Connection {
    let buffer_bytes = 256 << random.below(4);
    let buffer = || tcp::SocketBuffer::new(vec![0; buffer_bytes]);
    let mut server = tcp::Socket::new(buffer(), buffer());
    server.listen(port).unwrap();
    let mut client = tcp::Socket::new(buffer(), buffer());
    client.connect(interface.context(), (IpAddress::v4(127, 0, 0, 1), port), 40000 + port).unwrap();
    let words = random.range(10, 900);
    let request = inputs::words(random, words).into_bytes();
    Connection { client: sockets.add(client), server: sockets.add(server), request, received: Vec::new() }
}

/// The client sends its request in pieces; the server keeps what came.
fn exchange(sockets: &mut SocketSet<'_>, connection: &mut Connection) {
    let client = sockets.get_mut::<tcp::Socket>(connection.client);
    if client.can_send() {
        let sent = client.send_queue() + connection.received.len();
        client.send_slice(connection.request.get(sent..).unwrap_or_default()).unwrap();
    }
    let server = sockets.get_mut::<tcp::Socket>(connection.server);
    if server.can_recv() {
        let received = &mut connection.received;
        server.recv(|bytes| (bytes.len(), received.extend_from_slice(bytes))).unwrap();
    }
}

#[derive(Clone, Serialize, Deserialize)]
enum Payload {
    Ping,
    Reading { name: String, values: Vec<u32> },
    Log(String),
    Blob(Vec<u8>),
}

#[derive(Clone, Serialize, Deserialize)]
struct Message {
    topic: String,
    sequence: u32,
    retain: bool,
    payload: Payload,
}

/// postcard: a broker with topics, retained messages, and subscribers that lag behind.
pub fn broker() {
    let random = &mut Random::new(52);
    recorded(|| {
        let mut queues: Vec<(String, VecDeque<Vec<u8>>)> = Vec::new();
        let mut retained: BTreeMap<String, Message> = BTreeMap::new();
        let mut seen = 0;
        for sequence in 0..4000 {
            match random.below(40) {
                0 if queues.len() < 12 => queues.push((inputs::word(random).to_owned(), VecDeque::new())),
                1 if queues.len() > 4 => drop(queues.swap_remove(random.below(queues.len() as u32) as usize)),
                _ => {}
            }
            let message = message(random, sequence);
            let frame = postcard::to_allocvec(&message).unwrap();
            for (topic, queue) in &mut queues {
                if message.topic.starts_with(topic.as_str()) && queue.len() < 60 {
                    queue.push_back(frame.clone());
                }
            }
            if message.retain {
                retained.insert(message.topic.clone(), message);
            }
            for _ in 0..2 {
                seen += deliver(&mut queues, random);
            }
        }
        (seen, retained)
    });
}

fn message(random: &mut Random, sequence: u32) -> Message {
    let payload = match random.below(10) {
        0 => Payload::Ping,
        1..=5 => Payload::Reading { name: inputs::word(random).to_owned(), values: (0..random.below(24)).collect() },
        6..=8 => {
            let count = random.range(1, 20);
            Payload::Log(inputs::words(random, count))
        }
        _ => Payload::Blob(vec![7; random.range(50, 900) as usize]),
    };
    let topic = format!("{}/{}", inputs::word(random), inputs::word(random));
    Message { topic, sequence, retain: random.below(9) == 0, payload }
}

/// One random subscriber reads its oldest message.
fn deliver(queues: &mut [(String, VecDeque<Vec<u8>>)], random: &mut Random) -> usize {
    if queues.is_empty() {
        return 0;
    }
    let (_, queue) = &mut queues[random.below(queues.len() as u32) as usize];
    let Some(frame) = queue.pop_front() else { return 0 };
    let message: Message = postcard::from_bytes(&frame).unwrap();
    match message.payload {
        Payload::Reading { values, name } => values.len() + name.len(),
        Payload::Log(line) => line.len(),
        Payload::Blob(bytes) => bytes.len(),
        Payload::Ping => message.sequence as usize & 1,
    }
}

/// serde_json and postcard: a gateway of a few dozen KiB between binary frames of sensors and JSON over a web API.
pub fn gateway() {
    let random = &mut Random::new(53);
    recorded(|| {
        let mut latest: BTreeMap<String, VecDeque<Message>> = BTreeMap::new();
        let mut pending: VecDeque<String> = VecDeque::new();
        let mut answered = 0;
        for sequence in 0..3000 {
            let frame = postcard::to_allocvec(&message(random, sequence)).unwrap();
            let message: Message = postcard::from_bytes(&frame).unwrap();
            let window = latest.entry(message.topic.split('/').next().unwrap_or_default().to_owned()).or_default();
            window.push_back(message);
            window.drain(..window.len().saturating_sub(2));
            if sequence % 8 == 0 {
                pending.push_back(answer(&latest, inputs::word(random)));
            }
            if pending.len() > 4 || random.below(9) == 0 {
                answered += pending.pop_front().map_or(0, |body| body.len());
            }
            if sequence % 500 == 499 {
                latest.retain(|_, window| window.len() > 1);
            }
        }
        (answered, latest)
    });
}

/// The body of a reply: what is known of a topic, filtered by way of a document.
fn answer(latest: &BTreeMap<String, VecDeque<Message>>, topic: &str) -> String {
    let known: Vec<&Message> = latest.get(topic).into_iter().flatten().collect();
    let mut document = serde_json::json!({ "topic": topic, "messages": known });
    for message in document["messages"].as_array_mut().into_iter().flatten() {
        if message["payload"]["Blob"].is_array() {
            message["payload"] = "binary".into();
        }
    }
    document.to_string()
}
