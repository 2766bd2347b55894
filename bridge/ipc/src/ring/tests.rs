//! One thread and two, whole and hostile.

use std::thread;

use super::*;

fn ring(bytes: usize) -> (Producer, Consumer) {
    let segment = Segment::create(bytes).unwrap();
    let other = Segment::open(segment.fd().try_clone_to_owned().unwrap()).unwrap();
    (Producer::new(segment), Consumer::new(other))
}

/// Writes `bytes` bytes of value `fill`; false if there is no room.
fn put(producer: &mut Producer, bytes: usize, fill: u8) -> bool {
    let Some(mut slot) = producer.try_reserve(bytes).unwrap() else { return false };
    assert_eq!(slot.as_ptr().align_offset(BUFFER_ALIGN), 0);
    slot.fill(fill);
    let _ = slot.commit(bytes, SlotKind::Batch);
    true
}

fn take(consumer: &mut Consumer) -> Option<Buffer> {
    consumer.try_next().unwrap().map(|message| message.buffer)
}

#[test]
fn slots_come_out_as_they_went_in_across_many_wraps() {
    let (mut producer, mut consumer) = ring(4096);
    for round in 0..5000_usize {
        let bytes = (round * 37) % (producer.max_slot_bytes() + 1);
        let fill = u8::try_from(round % 251).unwrap();
        assert!(put(&mut producer, bytes, fill), "round {round}");
        let buffer = take(&mut consumer).unwrap();
        assert_eq!(buffer.len(), bytes);
        assert!(buffer.iter().all(|byte| *byte == fill));
    }
    assert!(consumer.is_empty());
    assert_eq!(producer.unread_bytes(), 0);
}

#[test]
fn a_full_ring_takes_nothing_until_a_slot_is_released() {
    let (mut producer, mut consumer) = ring(4096);
    let mut slots = 0;
    while put(&mut producer, 448, 1) {
        slots += 1;
    }
    assert_eq!(slots, 8);
    assert_eq!(producer.unread_bytes(), 4096);
    let first = take(&mut consumer).unwrap();
    assert!(!put(&mut producer, 448, 1));
    drop(first);
    assert!(put(&mut producer, 448, 1));
    assert!(producer.try_reserve(producer.max_slot_bytes() + 1).is_err());
}

#[test]
fn the_largest_slot_fits_wherever_the_ring_stands() {
    for skip in 0..64 {
        let (mut producer, mut consumer) = ring(4096);
        for _ in 0..skip {
            assert!(put(&mut producer, 0, 0));
            take(&mut consumer).unwrap();
        }
        let largest = producer.max_slot_bytes();
        assert!(put(&mut producer, largest, 9), "skip {skip}");
        assert_eq!(take(&mut consumer).unwrap().len(), largest);
    }
}

#[test]
fn dropped_and_partly_used_slots_give_back_their_room() {
    let (mut producer, mut consumer) = ring(4096);
    for _ in 0..100 {
        assert!(producer.try_reserve(1900).unwrap().is_some());
    }
    assert!(consumer.is_empty());
    let slot = producer.try_reserve(1900).unwrap().unwrap();
    let _ = slot.commit(10, SlotKind::Outsize);
    assert_eq!(producer.unread_bytes(), 128);
    let message = consumer.try_next().unwrap().unwrap();
    assert_eq!((message.kind, message.buffer.len()), (SlotKind::Outsize, 10));
}

#[test]
fn slots_dropped_out_of_order_are_released_in_order() {
    let (mut producer, mut consumer) = ring(4096);
    (0..4).for_each(|fill| assert!(put(&mut producer, 64, fill)));
    let first = take(&mut consumer).unwrap();
    let second = take(&mut consumer).unwrap();
    let third = take(&mut consumer).unwrap();
    drop(second);
    thread::scope(|scope| scope.spawn(|| drop(third)).join().unwrap());
    assert_eq!(producer.unread_bytes(), 4 * 128);
    let slice = first.slice(10);
    drop(first);
    assert_eq!(producer.unread_bytes(), 4 * 128);
    drop(slice);
    assert_eq!(producer.unread_bytes(), 128);
}

#[test]
fn a_buffer_outlives_ring_and_segment() {
    let (mut producer, mut consumer) = ring(4096);
    assert!(put(&mut producer, 100, 7));
    let buffer = take(&mut consumer).unwrap();
    drop(consumer);
    drop(producer);
    assert!(buffer.iter().all(|byte| *byte == 7));
}

#[test]
fn sleep_flags_ask_for_one_wake() {
    let (mut producer, mut consumer) = ring(4096);
    assert!(consumer.prepare_sleep());
    let slot = producer.try_reserve(1).unwrap().unwrap();
    assert!(slot.commit(1, SlotKind::Batch), "the consumer sleeps");
    assert!(!consumer.prepare_sleep(), "a slot is there");
    let slot = producer.try_reserve(1).unwrap().unwrap();
    assert!(!slot.commit(1, SlotKind::Batch), "the consumer is awake");

    assert!(!producer.prepare_sleep(1000), "there is room");
    while put(&mut producer, 1000, 0) {}
    assert!(producer.prepare_sleep(1000));
    assert!(!consumer.take_release_wake(), "nothing was released");
    drop(take(&mut consumer));
    assert!(consumer.take_release_wake());
    assert!(!consumer.take_release_wake(), "once is enough");

    while let Some(buffer) = take(&mut consumer) {
        drop(buffer);
    }
    assert!(!producer.prepare_sleep_above(0));
    assert!(put(&mut producer, 64, 0));
    assert!(!producer.prepare_sleep_above(128));
    assert!(producer.prepare_sleep_above(127));
    producer.cancel_sleep();
    drop(take(&mut consumer));
    assert!(!consumer.take_release_wake(), "the sleep was cancelled");
}

fn protocol_error<T: std::fmt::Debug>(result: Result<T, IpcError>) {
    match result {
        Err(IpcError::Protocol(_)) => {}
        other => panic!("expected a protocol violation, got {other:?}"),
    }
}

#[test]
fn a_hostile_position_is_an_error() {
    for head in [1, 63, 4096 + 64, u64::MAX, u64::MAX - 63, 1 << 63] {
        let (producer, mut consumer) = ring(4096);
        producer.segment.head().store(head, Ordering::Relaxed);
        protocol_error(consumer.try_next());
        assert!(!consumer.prepare_sleep());
    }
    for tail in [1, 192, u64::MAX, u64::MAX - 63, 1 << 63] {
        let (mut producer, consumer) = ring(4096);
        assert!(put(&mut producer, 64, 0));
        consumer.segment.tail().store(tail, Ordering::Relaxed);
        assert!(!producer.prepare_sleep(4000));
        protocol_error(producer.try_reserve(64).map(|slot| slot.is_some()));
    }
    // Backwards.
    let (mut producer, mut consumer) = ring(4096);
    assert!(put(&mut producer, 64, 0));
    drop(take(&mut consumer));
    assert_eq!(producer.unread_bytes(), 0);
    consumer.segment.tail().store(0, Ordering::Relaxed);
    protocol_error(producer.try_reserve(64).map(|slot| slot.is_some()));
    producer.segment.head().store(64, Ordering::Relaxed);
    protocol_error(consumer.try_next());
}

#[test]
fn a_hostile_slot_header_is_an_error() {
    for word in [0, KIND_AT] {
        for value in [4, 65, 64 * 3, 4096, 1 << 40, u64::MAX, u64::MAX - 63, 1 << 63] {
            let (mut producer, mut consumer) = ring(4096);
            assert!(put(&mut producer, 64, 0));
            producer.segment.data_word(word).store(value, Ordering::Relaxed);
            if word == 0 && value <= 64 {
                assert_eq!(take(&mut consumer).unwrap().len() as u64, value);
            } else {
                protocol_error(consumer.try_next());
            }
        }
    }
    for kind in [0, KIND_PADDING] {
        let (mut producer, mut consumer) = ring(4096);
        assert!(put(&mut producer, 64, 0));
        producer.segment.data_word(KIND_AT).store(kind, Ordering::Relaxed);
        protocol_error(consumer.try_next());
        // At its second place padding would reach past what is committed.
        let (mut producer, mut consumer) = ring(4096);
        assert!(put(&mut producer, 64, 0) && put(&mut producer, 64, 0));
        producer.segment.data_word(128 + KIND_AT).store(kind, Ordering::Relaxed);
        take(&mut consumer).unwrap();
        protocol_error(consumer.try_next());
    }
}

#[test]
fn two_threads_with_wakes_over_a_socket_lose_nothing() {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    const SLOTS: u64 = 20_000;
    let (mut producer, mut consumer) = ring(8192);
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    let timeout = Some(std::time::Duration::from_secs(20));
    ours.set_read_timeout(timeout).unwrap();
    theirs.set_read_timeout(timeout).unwrap();
    let write = move || {
        let mut wake = [0];
        for number in 0..SLOTS {
            let bytes = 8 + usize::try_from(number * 7919 % 3000).unwrap();
            let wakes = loop {
                if let Some(mut slot) = producer.try_reserve(bytes).unwrap() {
                    slot.fill(number.to_le_bytes()[0]);
                    slot[..8].copy_from_slice(&number.to_le_bytes());
                    break slot.commit(bytes, SlotKind::Batch);
                }
                if producer.prepare_sleep(bytes) {
                    ours.read_exact(&mut wake).unwrap();
                    producer.cancel_sleep();
                }
            };
            if wakes {
                ours.write_all(&[1]).unwrap();
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(write);
        let mut expected = 0_u64;
        let mut kept = VecDeque::new();
        while expected < SLOTS {
            if let Some(buffer) = take(&mut consumer) {
                assert_eq!(buffer[..8], expected.to_le_bytes());
                assert!(buffer[8..].iter().all(|byte| *byte == expected.to_le_bytes()[0]));
                expected += 1;
                // Keep one to release out of order now and then.
                kept.push_back(buffer);
                if expected.is_multiple_of(3) {
                    kept.pop_back();
                }
                while kept.len() > 1 {
                    kept.pop_front();
                }
            } else {
                kept.clear();
                if consumer.take_release_wake() {
                    theirs.write_all(&[1]).unwrap();
                }
                if consumer.prepare_sleep() {
                    let mut wake = [0];
                    theirs.read_exact(&mut wake).unwrap();
                    consumer.cancel_sleep();
                }
            }
            if consumer.take_release_wake() {
                theirs.write_all(&[1]).unwrap();
            }
        }
        drop(kept);
    });
    assert!(consumer.is_empty());
}

#[test]
fn scribbled_segments_end_in_errors_only() {
    let iterations = std::env::var("BRIDGE_FUZZ_ITERATIONS").ok().and_then(|text| text.parse().ok());
    let mut seed = 0x1234_5678_9abc_def1_u64;
    let mut random = |limit: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % limit
    };
    let mut errors = 0;
    for _ in 0..iterations.unwrap_or(2000_u32) {
        let (mut producer, mut consumer) = ring(4096);
        let mut kept = Vec::new();
        for _ in 0..12 {
            let value = match random(5) {
                0 => random(80) * 64,
                1 => u64::MAX - random(130),
                2 => random(5),
                3 => 1 << random(64),
                _ => random(u64::MAX),
            };
            match random(8) {
                0 => producer.segment.head().store(value, Ordering::Relaxed),
                1 => producer.segment.tail().store(value, Ordering::Relaxed),
                2 => producer
                    .segment
                    .data_word(usize::try_from(random(512) * 8).unwrap())
                    .store(value, Ordering::Relaxed),
                3 => kept.clear(),
                _ => {}
            }
            let bytes = usize::try_from(random(2000)).unwrap();
            match producer.try_reserve(bytes) {
                Ok(Some(mut slot)) => {
                    slot.fill(1);
                    let _ = slot.commit(bytes, SlotKind::Batch);
                }
                Ok(None) => {}
                Err(_) => errors += 1,
            }
            match consumer.try_next() {
                Ok(Some(message)) => {
                    std::hint::black_box(message.buffer.iter().map(|byte| u64::from(*byte)).sum::<u64>());
                    kept.push(message);
                }
                Ok(None) => {}
                Err(_) => errors += 1,
            }
            let _ = (producer.prepare_sleep(bytes), consumer.prepare_sleep(), consumer.take_release_wake());
        }
    }
    assert!(errors > 0);
}
