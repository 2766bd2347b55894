//! `pg_to_char_number`: Postgres' `to_char` for numbers, with the patterns `9 0 . , FM S MI PR`.
//!
//! The number comes as text with exactly the digits behind the point that the format has. The
//! steps are those of `NUM_processor` in `formatting.c`; plans send no format with others.

use super::scalar::{Output, ScalarFunction};
use super::value_text::set_text;
use crate::duckdb::TypeId::{Double, Float, Varchar};
use std::cell::RefCell;

/// All of them.
pub(super) static FUNCTIONS: &[ScalarFunction] = &[
    ScalarFunction {
        name: "pg_to_char_float8",
        arguments: &[Double, Varchar],
        result: Varchar,
        row: |args, out, row| {
            // DBL_DIG
            write(args.text(1, row)?, out, row, |format, out| {
                format.apply_float(out, args.double(0, row), 15)
            });
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_to_char_float4",
        arguments: &[Float, Varchar],
        result: Varchar,
        row: |args, out, row| {
            // FLT_DIG
            let value = args.float(0, row).into();
            write(args.text(1, row)?, out, row, |format, out| format.apply_float(out, value, 6));
            Ok(())
        },
    },
    ScalarFunction {
        name: "pg_to_char_number",
        arguments: &[Varchar, Varchar],
        result: Varchar,
        row: |args, out, row| {
            let number = args.text(0, row)?;
            write(args.text(1, row)?, out, row, |format, out| format.apply(out, number));
            Ok(())
        },
    },
];

thread_local! {
    /// The format that was used last: a statement has few.
    static PARSED: RefCell<(String, Format)> = RefCell::new((String::new(), Format::parse("")));
}

/// Sets a row to what `apply` writes.
fn write(format: &str, out: &mut Output, row: usize, apply: impl FnOnce(&Format, &mut String)) {
    PARSED.with_borrow_mut(|(source, parsed)| {
        if source != format {
            *parsed = Format::parse(format);
            format.clone_into(source);
        }
        set_text(out, row, |text| apply(parsed, text));
    });
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Node {
    Nine,
    Zero,
    Point,
    Comma,
    Minus,
    Literal(char),
    /// FM, S and PR: they change how numbers are written, not what stands there.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum SignAt {
    Nowhere,
    Before,
    After,
}

/// A parsed format.
struct Format {
    nodes: Vec<Node>,
    shape: Shape,
}

/// `NUMDesc`.
#[derive(Clone, Copy)]
struct Shape {
    before_point: usize,
    behind_point: usize,
    has_point: bool,
    has_zero: bool,
    zero_start: usize,
    zero_end: usize,
    fill: bool,
    brackets: bool,
    minus: bool,
    sign: SignAt,
    digits_before_sign: usize,
}

impl Shape {
    fn digit(&mut self) {
        if self.has_point {
            self.behind_point += 1;
        } else {
            self.before_point += 1;
        }
    }
}

impl Format {
    fn parse(format: &str) -> Self {
        let mut nodes = Vec::with_capacity(format.len());
        let mut shape = Shape {
            before_point: 0,
            behind_point: 0,
            has_point: false,
            has_zero: false,
            zero_start: 0,
            zero_end: 0,
            fill: true,
            brackets: false,
            minus: false,
            sign: SignAt::Nowhere,
            digits_before_sign: 0,
        };
        let mut rest = format;
        while let Some(c) = rest.chars().next() {
            let two = rest.get(..2).map(str::to_ascii_uppercase);
            let mut length = c.len_utf8();
            let node = match (c, two.as_deref()) {
                ('9', _) => {
                    shape.digit();
                    Node::Nine
                }
                ('0', _) => {
                    if !shape.has_zero && !shape.has_point {
                        shape.has_zero = true;
                        shape.zero_start = shape.before_point + 1;
                    }
                    shape.digit();
                    shape.zero_end = shape.before_point + shape.behind_point;
                    Node::Zero
                }
                ('.', _) => {
                    shape.has_point = true;
                    Node::Point
                }
                (',', _) => Node::Comma,
                (_, Some("FM")) => {
                    length = 2;
                    shape.fill = false;
                    Node::Other
                }
                (_, Some("MI")) => {
                    length = 2;
                    shape.minus = true;
                    Node::Minus
                }
                (_, Some("PR")) => {
                    length = 2;
                    shape.brackets = true;
                    Node::Other
                }
                ('S' | 's', _) => {
                    if !shape.has_point {
                        shape.sign = SignAt::Before;
                        shape.digits_before_sign = shape.before_point;
                    } else if shape.sign == SignAt::Nowhere {
                        shape.sign = SignAt::After;
                    }
                    Node::Other
                }
                (other, _) => Node::Literal(other),
            };
            nodes.push(node);
            rest = &rest[length..];
        }
        Self { nodes, shape }
    }

    /// A float has no more than `precision` digits; others behind the point are not shown.
    fn apply_float(&self, out: &mut String, value: f64, precision: usize) {
        let whole = match value {
            value if value.is_finite() => format!("{:.0}", value.abs()).len(),
            value => if value.is_nan() { "NaN" } else { "Infinity" }.len(),
        };
        let behind_point = self.shape.behind_point.min(precision.saturating_sub(whole));
        let text = if value.is_nan() {
            "NaN".to_owned()
        } else if value.is_infinite() {
            if value < 0.0 { "-Infinity".to_owned() } else { "Infinity".to_owned() }
        } else {
            format!("{value:.behind_point$}")
        };
        self.apply_shape(out, &text, Shape { behind_point, ..self.shape });
    }

    /// Writes the number at the end of `out`.
    fn apply(&self, out: &mut String, text: &str) {
        self.apply_shape(out, text, self.shape);
    }

    fn apply_shape(&self, out: &mut String, text: &str, mut shape: Shape) {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let whole = digits.find('.').unwrap_or(digits.len());
        let hashes;
        let digits = if whole > shape.before_point {
            hashes = format!("{:#>1$}.{2:#>3$}", "", shape.before_point, "", shape.behind_point);
            &hashes
        } else {
            digits
        };
        shape.zero_start = shape.zero_start.saturating_sub(1);
        let spaces = shape.before_point.saturating_sub(whole);
        Processor::new(shape, digits.as_bytes(), negative, spaces, out).run(&self.nodes);
    }
}

/// `NUMProc`.
struct Processor<'a> {
    format: Shape,
    number: &'a [u8],
    negative: bool,
    spaces: usize,
    sign_wrote: bool,
    count: usize,
    current: usize,
    inside: bool,
    /// The last digit behind the point that FM keeps; the point itself if none.
    last_relevant: Option<usize>,
    at: usize,
    out: &'a mut String,
    /// Nothing is written any more.
    ended: bool,
}

impl<'a> Processor<'a> {
    fn new(mut format: Shape, number: &'a [u8], negative: bool, spaces: usize, out: &'a mut String) -> Self {
        let sign_wrote = if format.minus {
            true
        } else {
            if format.brackets && !format.fill {
                format.brackets = negative;
            }
            let wrote = !negative && !format.fill && format.sign == SignAt::Nowhere;
            if format.sign == SignAt::Before && format.before_point == format.digits_before_sign {
                format.sign = SignAt::After;
            }
            wrote
        };
        let mut last_relevant = None;
        if !format.fill && format.has_point {
            last_relevant = number
                .iter()
                .position(|b| *b == b'.')
                .map(|point| number[point..].iter().rposition(|b| *b != b'0').map_or(point, |at| point + at));
            if let Some(last) = last_relevant.as_mut()
                && format.zero_end > spaces
            {
                let zero = (number.len() - 1).min(format.zero_end - spaces);
                *last = (*last).max(zero);
            }
        }
        let count = (format.behind_point + format.before_point).saturating_sub(1)
            + usize::from(!sign_wrote && spaces == 0);
        Self {
            format,
            number,
            negative,
            spaces,
            sign_wrote,
            count,
            current: 0,
            inside: false,
            last_relevant,
            at: 0,
            out,
            ended: false,
        }
    }

    fn run(mut self, nodes: &[Node]) {
        for &node in nodes {
            if self.ended {
                break;
            }
            match node {
                Node::Nine | Node::Zero | Node::Point => self.digit(node),
                Node::Comma if self.inside => self.out.push(','),
                Node::Comma if self.format.fill => self.out.push(' '),
                Node::Minus if self.negative => self.out.push('-'),
                Node::Minus if self.format.fill => self.out.push(' '),
                Node::Literal(c) => self.out.push(c),
                Node::Comma | Node::Minus | Node::Other => {}
            }
        }
    }

    fn byte(&self, at: usize) -> u8 {
        self.number.get(at).copied().unwrap_or(0)
    }

    /// `0.1` shows ` .1`: a zero before the point takes no digit unless the format says so.
    fn drops_zero(&self) -> bool {
        !self.format.has_zero && self.at == 0 && self.byte(0) == b'0' && self.format.behind_point != 0
    }

    fn relevant_point(&self) -> bool {
        self.last_relevant.is_some_and(|last| self.byte(last) == b'.')
    }

    /// `NUM_numpart_to_char`.
    fn digit(&mut self, node: Node) {
        self.inside = false;
        let zero_here = self.format.has_zero && self.format.zero_start == self.current;
        if !self.sign_wrote
            && (self.current >= self.spaces || zero_here)
            && (!self.drops_zero() || self.relevant_point())
        {
            self.write_sign();
        }
        if self.current < self.spaces && (self.format.zero_start > self.current || !self.format.has_zero) {
            if self.format.fill {
                self.out.push(' ');
            }
        } else if self.format.has_zero && self.current < self.spaces && self.format.zero_start <= self.current
        {
            self.out.push('0');
            self.inside = true;
        } else {
            if self.byte(self.at) == b'.' {
                if !self.relevant_point() || !self.format.fill {
                    self.out.push('.');
                }
            } else if self.last_relevant.is_some_and(|last| self.at > last) && node != Node::Zero {
                // A zero at the end that FM drops.
            } else if self.drops_zero() {
                if self.format.fill {
                    self.out.push(' ');
                } else if self.relevant_point() {
                    self.out.push('0');
                }
            } else if self.at < self.number.len() {
                self.out.push(char::from(self.number[self.at]));
                self.inside = true;
            } else {
                // Postgres writes the zero byte at the end of the number.
                self.ended = true;
                return;
            }
            if self.at < self.number.len() {
                self.at += 1;
            }
        }
        let mut end = self.count + usize::from(self.spaces > 0) + usize::from(self.format.has_point);
        if self.last_relevant == Some(self.at) {
            end = self.current;
        }
        if self.current + 1 == end {
            if self.sign_wrote && self.format.brackets {
                self.out.push(if self.negative { '>' } else { ' ' });
            } else if self.format.sign == SignAt::After {
                self.out.push(if self.negative { '-' } else { '+' });
            }
        }
        self.current += 1;
    }

    fn write_sign(&mut self) {
        match self.format.sign {
            SignAt::Before => self.out.push(if self.negative { '-' } else { '+' }),
            SignAt::After => return,
            SignAt::Nowhere if self.format.brackets => self.out.push(if self.negative { '<' } else { ' ' }),
            SignAt::Nowhere if self.negative => self.out.push('-'),
            SignAt::Nowhere if self.format.fill => self.out.push(' '),
            SignAt::Nowhere => {}
        }
        self.sign_wrote = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_the_manual() {
        for (number, format, expected) in [
            ("-0.10", "99.99", "  -.10"),
            ("-0.1", "FM9.9", "-.1"),
            ("0.1", "0.9", " 0.1"),
            ("12", "9990999.9", "    0012.0"),
            ("485", "999", " 485"),
            ("-485", "999", "-485"),
            ("1485", "9,999", " 1,485"),
            ("148.500", "999.999", " 148.500"),
            ("148.500", "FM999.999", "148.5"),
            ("148.500", "FM999.990", "148.500"),
            ("485", "999S", "485+"),
            ("-485", "999S", "485-"),
            ("-485", "999MI", "485-"),
            ("485", "999MI", "485 "),
            ("485", "FM999MI", "485"),
            ("-485", "999PR", "<485>"),
            ("485", "99", " ##"),
            ("1234567.00", "FM9,999,990.00", "1,234,567.00"),
        ] {
            // The digits behind the point are the format's.
            let parsed = Format::parse(format);
            let number = match (number.split_once('.'), parsed.shape.behind_point) {
                (None, digits @ 1..) => format!("{number}.{}", "0".repeat(digits)),
                _ => number.to_owned(),
            };
            let mut out = String::new();
            parsed.apply(&mut out, &number);
            assert_eq!(out, expected, "{number} {format}");
        }
    }
}
