/// Python pickles of weights, read without running anything: what they hold is nodes of a graph, and no code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <bitnet/core/error.hpp>
#include <bitnet/io/json.hpp>
#include <bitnet/io/little_endian.hpp>
#include <bitnet/io/pickle_globals.hpp>

namespace bitnet::inline BITNET_ABI {

/// Far above what files of weights need: some 35 operations for each tensor, and 2,000 values on the stack.
inline constexpr std::size_t pickle_size_limit = std::size_t{1} << 28;
inline constexpr std::size_t pickle_operation_limit = std::size_t{1} << 22;
inline constexpr std::size_t pickle_stack_limit = 10'000;

enum class PickleKind : std::uint8_t { none, boolean, integer, real, text, global, tuple, list, dict, storage, tensor };

/// What an error says of such a node.
constexpr std::string_view description(PickleKind kind) noexcept {
    switch (kind) {
        case PickleKind::none: return "None";
        case PickleKind::boolean: return "a bool";
        case PickleKind::integer: return "an integer";
        case PickleKind::real: return "a float";
        case PickleKind::text: return "a string";
        case PickleKind::global: return "a name";
        case PickleKind::tuple: return "a tuple";
        case PickleKind::list: return "a list";
        case PickleKind::dict: return "a dictionary";
        case PickleKind::storage: return "a storage";
        case PickleKind::tensor: return "a tensor";
    }
    return "unknown";
}

using PickleRef = std::uint32_t;  ///< index of a node

/// One value. Values are shared, and a list may hold itself: go from node to node only in loops that end anyway.
struct PickleNode {
    PickleKind kind = PickleKind::none;
    std::uint32_t offset = 0;              ///< of the operation that made it, from the pickle's first byte
    std::int64_t integer = 0;              ///< of an integer or a bool; of a float it is not kept
    std::string_view text = {};            ///< UTF-8, in the pickle's own bytes
    const PickleGlobal* global = nullptr;  ///< of a name; of a tensor, what makes it
    std::vector<PickleRef> items = {};     ///< of a tuple or list; keys and values of a dictionary, in turn; of a storage
                                           ///< its persistent id, of a tensor the arguments: their number is checked
};

struct Pickle {
    std::deque<PickleNode> nodes;  ///< every value that was ever made, also those that the root does not reach
    PickleRef root = 0;
    std::size_t size = 0;  ///< bytes, the last being STOP

    const PickleNode& operator[](PickleRef ref) const { return nodes[ref]; }
};

namespace detail {

/// The stack machine of pickles of protocol 2, cut down to what pickles of weights need.
class PickleReader {
public:
    PickleReader(std::span<const std::byte> bytes, std::string_view where) : bytes_(bytes), where_(where) {}

    Pickle read() {
        if (bytes_.size() > pickle_size_limit)
            throw error(errc::unsupported, message(where_, ": a pickle of ", bytes_.size(), " bytes; at most ",
                                                   pickle_size_limit, " are read"));
        if (take<std::uint8_t>() != 0x80) refuse("a pickle of protocol 0 or 1, or none at all");
        protocol();
        for (;;) {
            at_ = next_;
            if (++operations_ > pickle_operation_limit)
                refuse_kind(errc::unsupported, "more than ", pickle_operation_limit, " operations");
            const auto operation = take<std::uint8_t>();
            if (operation == '.') break;
            step(operation);
        }
        if (stack_.size() != 1 || !marks_.empty())
            refuse("STOP with ", stack_.size(), " values and ", marks_.size(), " marks on the stack, expected one value");
        out_.root = stack_.back();
        out_.size = next_;
        return std::move(out_);
    }

private:
    template <class... Parts>
    [[noreturn]] void refuse_kind(errc code, const Parts&... parts) const {
        throw error(code, message(where_, ": offset ", at_, ": ", parts...));
    }
    template <class... Parts>
    [[noreturn]] void refuse(const Parts&... parts) const {
        refuse_kind(errc::bad_file, parts...);
    }

    // Arguments of operations.
    std::span<const std::byte> take_bytes(std::uint64_t count) {
        if (count > bytes_.size() - next_) refuse("cut short: ", count, " bytes expected, ", bytes_.size() - next_, " left");
        const auto out = bytes_.subspan(next_, count);
        next_ += count;
        return out;
    }
    template <class Integer>
    Integer take() {
        return little_endian<Integer>(take_bytes(sizeof(Integer)));
    }
    std::string_view take_text(std::uint64_t count) {
        const auto bytes = take_bytes(count);
        const std::string_view out(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        if (!simdjson::validate_utf8(out.data(), out.size())) refuse("a string that is not UTF-8");
        return out;
    }
    std::string_view take_line() {
        const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + next_, bytes_.size() - next_);
        const std::size_t end = rest.find('\n');
        if (end == rest.npos) refuse("cut short: a name without an end of line");
        const std::string_view out = take_text(end);
        ++next_;
        return out;
    }
    std::int64_t take_long() {
        const auto count = take<std::uint8_t>();
        if (count > 8) refuse("an integer of ", count, " bytes; at most 8 are read");
        const auto bytes = take_bytes(count);
        std::uint64_t out = count > 0 && (bytes.back() & std::byte{0x80}) != std::byte{} ? ~std::uint64_t{0} : 0;
        for (std::size_t i = count; i-- > 0;) out = out << 8 | std::to_integer<std::uint64_t>(bytes[i]);
        return static_cast<std::int64_t>(out);
    }

    // The stack. What lies below the last mark is out of reach.
    std::size_t height() const noexcept { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }
    void push(PickleRef ref) {
        if (stack_.size() >= pickle_stack_limit) refuse("more than ", pickle_stack_limit, " values on the stack");
        stack_.push_back(ref);
    }
    PickleNode& push_node(PickleKind kind) {
        push(static_cast<PickleRef>(out_.nodes.size()));
        return out_.nodes.emplace_back(PickleNode{.kind = kind, .offset = static_cast<std::uint32_t>(at_)});
    }
    void push_integer(PickleKind kind, std::int64_t value) { push_node(kind).integer = value; }
    void push_text(std::uint64_t size) {
        const std::string_view text = take_text(size);
        push_node(PickleKind::text).text = text;
    }
    PickleRef top() const {
        if (height() == 0) refuse("the stack is empty");
        return stack_.back();
    }
    PickleRef pop() {
        const PickleRef out = top();
        stack_.pop_back();
        return out;
    }
    void push_mark() {
        if (marks_.size() >= pickle_stack_limit) refuse("more than ", pickle_stack_limit, " marks");
        marks_.push_back(stack_.size());
    }
    std::vector<PickleRef> pop_to_mark() {
        if (marks_.empty()) refuse("no mark on the stack");
        const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
        std::vector<PickleRef> out(first, stack_.end());
        stack_.erase(first, stack_.end());
        marks_.pop_back();
        return out;
    }
    std::vector<PickleRef> pop_some(std::size_t count) {
        if (height() < count) refuse("the stack holds ", height(), " values, expected ", count);
        std::vector<PickleRef> out(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
        stack_.resize(stack_.size() - count);
        return out;
    }
    /// The dictionary or list on top of the stack.
    std::vector<PickleRef>& container(PickleKind kind) {
        PickleNode& node = out_.nodes[top()];
        if (node.kind != kind) refuse("expected ", description(kind), ", found ", description(node.kind));
        return node.items;
    }
    void append(PickleKind kind, const std::vector<PickleRef>& items) {
        if (kind == PickleKind::dict && items.size() % 2 != 0) refuse("a key without a value");
        auto& out = container(kind);
        out.insert(out.end(), items.begin(), items.end());
    }

    void step(std::uint8_t operation) {
        switch (operation) {
            case 0x80: return protocol();
            case '(': return push_mark();
            case '}': return void(push_node(PickleKind::dict));
            case ']': return void(push_node(PickleKind::list));
            case ')': return void(push_node(PickleKind::tuple));
            case 0x85: return push_tuple(pop_some(1));
            case 0x86: return push_tuple(pop_some(2));
            case 0x87: return push_tuple(pop_some(3));
            case 't': return push_tuple(pop_to_mark());
            case 'N': return void(push_node(PickleKind::none));
            case 0x88: return push_integer(PickleKind::boolean, 1);
            case 0x89: return push_integer(PickleKind::boolean, 0);
            case 'J': return push_integer(PickleKind::integer, static_cast<std::int32_t>(take<std::uint32_t>()));
            case 'K': return push_integer(PickleKind::integer, take<std::uint8_t>());
            case 'M': return push_integer(PickleKind::integer, take<std::uint16_t>());
            case 0x8a: return push_integer(PickleKind::integer, take_long());
            case 'G': return take_bytes(8), void(push_node(PickleKind::real));
            case 'X':
            case 'T': return push_text(take<std::uint32_t>());  // a negative length is too long as well
            case 'U': return push_text(take<std::uint8_t>());
            case 'c': return global();
            case 'q': return memoize(take<std::uint8_t>());
            case 'r': return memoize(take<std::uint32_t>());
            case 'h': return recall(take<std::uint8_t>());
            case 'j': return recall(take<std::uint32_t>());
            case 'Q': return persistent();
            case 'R': return call();
            case 'b': return build();
            case 's': return append(PickleKind::dict, pop_some(2));
            case 'u': return append(PickleKind::dict, pop_to_mark());
            case 'a': return append(PickleKind::list, pop_some(1));
            case 'e': return append(PickleKind::list, pop_to_mark());
            default: refuse_kind(errc::unsupported, "pickle operation ", operation, " is not one that weights need");
        }
    }

    void protocol() {
        if (const auto version = take<std::uint8_t>(); version != 2)
            refuse_kind(errc::unsupported, "pickle protocol ", version, "; only 2 is read");
    }
    void push_tuple(std::vector<PickleRef> items) { push_node(PickleKind::tuple).items = std::move(items); }

    void global() {
        const std::string_view module = take_line(), name = take_line();
        const PickleGlobal* const found = find_pickle_global(module, name);
        if (found == nullptr)
            refuse_kind(errc::unsupported, "refused: ", quote(message(module, '.', name)),
                        " is not one of the names that weights need");
        push_node(PickleKind::global).global = found;
    }

    /// Writers count their memos, so an index is never larger than the number of operations before it.
    void memoize(std::uint32_t index) {
        if (index > operations_) refuse("memo ", index, " after ", operations_, " operations");
        if (index >= memo_.size()) memo_.resize(std::size_t{index} + 1);
        memo_[index] = top();
    }
    void recall(std::uint32_t index) {
        if (index >= memo_.size() || !memo_[index]) refuse("memo ", index, " was never stored");
        push(*memo_[index]);
    }

    void persistent() {
        const PickleNode& id = out_.nodes[pop()];
        if (id.kind != PickleKind::tuple) refuse("expected a tuple as persistent id, found ", description(id.kind));
        if (id.items.size() < 5 || id.items.size() > 6)
            refuse("a persistent id of ", id.items.size(), " values is not one of a storage");
        push_node(PickleKind::storage).items = id.items;
    }

    void call() {
        const PickleRef arguments_at = pop();
        const PickleNode &arguments = out_.nodes[arguments_at], &function = out_.nodes[pop()];
        if (function.kind != PickleKind::global || !function.global->callable())
            refuse("a call of ", function.kind == PickleKind::global ? function.global->name : description(function.kind),
                   ", which is no function");
        const PickleGlobal& callee = *function.global;
        if (arguments.kind != PickleKind::tuple)
            refuse(callee.name, ": expected a tuple of arguments, found ", description(arguments.kind));
        const std::size_t count = arguments.items.size();
        if (count < callee.fewest_arguments || count > callee.most_arguments)
            refuse(callee.name, ": ", count, " arguments, expected ", callee.fewest_arguments, " to ", callee.most_arguments);
        switch (callee.meaning) {
            case PickleMeaning::ordered_dict: return ordered_dict(arguments);
            case PickleMeaning::size: return push(checked(arguments, PickleKind::tuple, callee));
            case PickleMeaning::parameter: return push(checked(arguments, PickleKind::tensor, callee));
            default: break;
        }
        PickleNode& tensor = push_node(PickleKind::tensor);
        tensor.global = &callee;
        tensor.items = out_.nodes[arguments_at].items;
    }
    /// The first argument, which must be of that kind.
    PickleRef checked(const PickleNode& arguments, PickleKind kind, const PickleGlobal& callee) const {
        const PickleRef out = arguments.items[0];
        if (out_.nodes[out].kind != kind)
            refuse(callee.name, ": expected ", description(kind), ", found ", description(out_.nodes[out].kind));
        return out;
    }

    /// Empty, or as Python 2 writes it, from a list of [key, value].
    void ordered_dict(const PickleNode& arguments) {
        std::vector<PickleRef> items;
        if (!arguments.items.empty()) {
            const PickleNode& list = out_.nodes[arguments.items[0]];
            if (list.kind != PickleKind::list) refuse("OrderedDict: expected a list, found ", description(list.kind));
            copied_ += list.items.size();  // the one thing that a few operations could make large
            if (copied_ > pickle_operation_limit) refuse("OrderedDict: too many pairs");
            for (const PickleRef ref : list.items) {
                const PickleNode& pair = out_.nodes[ref];
                if ((pair.kind != PickleKind::list && pair.kind != PickleKind::tuple) || pair.items.size() != 2)
                    refuse("OrderedDict: expected pairs of a key and a value");
                items.insert(items.end(), pair.items.begin(), pair.items.end());
            }
        }
        push_node(PickleKind::dict).items = std::move(items);
    }

    /// Attributes of a dictionary, such as the versions of a module's parts, change no weight.
    void build() {
        const PickleNode& state = out_.nodes[pop()];
        if (state.kind != PickleKind::dict) refuse("BUILD: expected a dictionary, found ", description(state.kind));
        container(PickleKind::dict);
    }

    std::span<const std::byte> bytes_;
    std::string where_;
    std::size_t next_ = 0, at_ = 0, operations_ = 0, copied_ = 0;
    std::vector<PickleRef> stack_;
    std::vector<std::size_t> marks_;
    std::vector<std::optional<PickleRef>> memo_;
    Pickle out_;
};

}  // namespace detail

/// Reads the pickle that `bytes` begin with; what follows its STOP is not looked at. Strings point into `bytes`.
///
/// Nothing is executed and nothing is looked up: names come from the fixed list of pickle_globals.hpp, of their functions
/// only OrderedDict, Size and the wrapping of a parameter have an effect here, and a tensor or a storage is a node with its
/// unread arguments. Memory and time are bounded by the limits above, however values are nested or shared.
///
/// Errors  "<where>: offset N: ...": errc::bad_file when it is cut short or is no pickle; errc::unsupported for another
///         protocol, an operation or a name that weights do not need, or more than the limits allow
inline Pickle read_pickle(std::span<const std::byte> bytes, std::string_view where) {
    return detail::PickleReader(bytes, where).read();
}

}  // namespace bitnet::inline BITNET_ABI
