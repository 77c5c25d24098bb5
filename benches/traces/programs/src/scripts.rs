//! Scripting engines and an interpreter of wasm.

use crate::inputs::{self, Random};
use crate::recorded;

const RHAI: &str = r#"
fn fibonacci(n) { if n < 2 { n } else { fibonacci(n - 1) + fibonacci(n - 2) } }
fn describe(reading) { `${reading.name}: ${reading.value} (${reading.tags.len()} tags)` }
let readings = [];
for i in 0..240 {
    let reading = #{ name: "sensor-" + i, value: i * 37 % 101, tags: ["a", "b" + i % 7] };
    if i % 3 == 0 { reading.tags.push("third"); }
    readings.push(reading);
}
let groups = #{};
for reading in readings {
    let key = "g" + (reading.value / 10);
    if !(key in groups) { groups[key] = []; }
    groups[key].push(describe(reading));
}
let lines = "";
for key in groups.keys() {
    let joined = groups[key].filter(|line| line.contains("1")).map(|line| line.to_upper());
    for line in joined { lines += line + "\n"; }
}
let sorted = readings.map(|r| r.value);
sorted.sort();
fibonacci(14) + sorted[100] + lines.len()
"#;

/// rhai: a script compiled and evaluated twice.
pub fn rhai() {
    recorded(|| {
        let mut engine = rhai::Engine::new();
        engine.set_max_expr_depths(64, 64);
        let script = engine.compile(RHAI).unwrap();
        (0..2).map(|_| engine.eval_ast::<i64>(&script).unwrap()).sum::<i64>()
    });
}

const KOTO: &str = r#"
make_reading = |i|
  name: 'sensor-{i}'
  value: i * 37 % 101
  tags: ('a', 'b{i % 7}', 'c')

readings = (0..300).each(make_reading).to_list()
groups = {}
for reading in readings
  key = 'g{(reading.value / 10).floor()}'
  if not groups.contains_key key
    groups.insert key, []
  groups.get(key).push '{reading.name}: {reading.value}'

lines = []
for key, group in groups
  for line in group.iter().keep |line| line.contains '1'
    lines.push '{key} {line.to_uppercase()}'

words = {}
for line in lines
  for word in line.split ' '
    words.insert word, words.get(word, 0) + 1
lines.sort()
size words
"#;

/// koto: a script compiled and run.
pub fn koto() {
    recorded(|| {
        let mut koto = koto::Koto::new();
        koto.compile_and_run(KOTO).unwrap();
    });
}

const LUA: &str = r#"
local function fibonacci(n) if n < 2 then return n end return fibonacci(n - 1) + fibonacci(n - 2) end
local readings = {}
for i = 1, 500 do
    readings[i] = { name = "sensor-" .. i, value = i * 37 % 101, next = readings[i - 1] }
end
local groups = {}
for i = 1, #readings do
    local reading = readings[i]
    local key = "g" .. (reading.value % 10)
    groups[key] = groups[key] or {}
    groups[key][#groups[key] + 1] = function() return reading.name .. ":" .. reading.value end
end
local text, total = "", 0
for i = 0, 9 do
    local group = groups["g" .. i]
    for j = 1, #group do
        text = text .. group[j]() .. "\n"
        if #text > 300 then total = total + #text; text = "" end
    end
    groups["g" .. i] = nil
end
return fibonacci(15) + total
"#;

/// piccolo: a Lua script under its collector.
pub fn lua() {
    recorded(|| {
        let mut lua = piccolo::Lua::core();
        let executor = lua
            .try_enter(|context| {
                let closure = piccolo::Closure::load(context, Some("script"), LUA.as_bytes())?;
                Ok(context.stash(piccolo::Executor::start(context, closure.into(), ())))
            })
            .unwrap();
        lua.execute::<f64>(&executor).unwrap();
        lua.gc_collect();
    });
}

/// wasmi: a module parsed from its text, compiled and run, with calls to the host.
pub fn wasm() {
    let text = module_text(60);
    recorded(|| {
        let binary = wat::parse_str(&text).unwrap();
        let engine = wasmi::Engine::default();
        let module = wasmi::Module::new(&engine, &binary).unwrap();
        let mut linker = wasmi::Linker::<Vec<String>>::new(&engine);
        let log = |mut caller: wasmi::Caller<'_, Vec<String>>, value: i32| {
            let log = caller.data_mut();
            log.push(format!("value {value}"));
            if log.len() > 30 {
                log.drain(..20);
            }
        };
        linker.func_wrap("host", "log", log).unwrap();
        for round in 0..3 {
            let mut store = wasmi::Store::new(&engine, Vec::new());
            let instance = linker.instantiate_and_start(&mut store, &module).unwrap();
            let main = instance.get_typed_func::<i32, i32>(&store, "main").unwrap();
            for argument in 0..10 {
                main.call(&mut store, round * 10 + argument).unwrap();
            }
        }
    });
}

/// A module of `functions` small functions with a table and no memory (a page of wasm would rule the trace).
fn module_text(functions: u32) -> String {
    let random = &mut Random::new(41);
    let mut text = String::from(
        "(module (import \"host\" \"log\" (func $log (param i32)))\n(type $f (func (param i32) (result i32)))\n",
    );
    for function in 0..functions {
        let name = inputs::word(random);
        let (a, b) = (random.below(1000), random.range(1, 9));
        text += &format!(
            "(func $f{function} (export \"{name}{function}\") (type $f) (local i32 i32)\n\
             (local.set 1 (i32.mul (local.get 0) (i32.const {a})))\n\
             (block $out (loop $again (br_if $out (i32.ge_s (local.get 2) (i32.const {b})))\n\
             (local.set 2 (i32.add (local.get 2) (i32.const 1)))\n\
             (local.set 1 (i32.xor (local.get 1) (i32.shl (local.get 2) (i32.const 3)))) (br $again)))\n\
             (call $log (local.get 1)) (local.get 1))\n"
        );
    }
    let names: String = (0..functions).map(|function| format!(" $f{function}")).collect();
    text += &format!(
        "(table funcref (elem{names}))\n(func (export \"main\") (param i32) (result i32)\n\
         (call_indirect (type $f) (local.get 0) (i32.rem_u (local.get 0) (i32.const {functions})))))"
    );
    text
}
