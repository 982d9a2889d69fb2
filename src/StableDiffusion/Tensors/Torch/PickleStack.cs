using System.Runtime.InteropServices;

namespace StableDiffusion.Tensors.Torch;

/// <summary>
/// The memory of the stack machine that a pickle is a program for: a stack with marks, and the memo of values to use again.
/// Values below the last mark are out of reach until the mark is popped.
/// </summary>
/// <param name="reader">The pickle, for the position in messages.</param>
/// <param name="budget">The limits on resources.</param>
internal sealed class PickleStack(PickleReader reader, PickleBudget budget)
{
    private const int MaxValues = 1 << 16;
    private const int MaxMarks = 1 << 10;
    private const int MaxMemo = 1 << 20;

    private static readonly object s_unset = new();

    private readonly List<object?> _values = [];
    private readonly List<int> _marks = [];
    private readonly List<object?> _memo = [];

    /// <summary>The number of values on the stack.</summary>
    public int Count => _values.Count;

    /// <summary>Whether neither values nor marks are left.</summary>
    public bool IsEmpty => _values.Count == 0 && _marks.Count == 0;

    public void Clear()
    {
        _values.Clear();
        _marks.Clear();
        _memo.Clear();
    }

    public void Push(object? value)
    {
        if (_values.Count == MaxValues)
            throw budget.Exceeded($"values nested deeper than {MaxValues}");
        _values.Add(value);
    }

    public object? Peek() => From(_values.Count - 1)[0];

    public object? Pop()
    {
        object? value = Peek();
        _values.RemoveAt(_values.Count - 1);
        return value;
    }

    public void PopValueOrMark()
    {
        if (_marks.Count > 0 && _marks[^1] == _values.Count)
            _marks.RemoveAt(_marks.Count - 1);
        else
            Pop();
    }

    public void Mark()
    {
        if (_marks.Count == MaxMarks)
            throw budget.Exceeded($"values nested deeper than {MaxMarks}");
        _marks.Add(_values.Count);
    }

    /// <summary>Pops the last mark.</summary>
    /// <returns>The index of the first value above it.</returns>
    public int TakeMark()
    {
        if (_marks.Count == 0)
            throw reader.Invalid("the pickle goes back to a mark that it did not make");

        int mark = _marks[^1];
        _marks.RemoveAt(_marks.Count - 1);
        return mark;
    }

    /// <summary>The values from an index on, valid until the stack changes.</summary>
    public ReadOnlySpan<object?> From(int index) => index >= (_marks.Count == 0 ? 0 : _marks[^1])
        ? CollectionsMarshal.AsSpan(_values)[index..]
        : throw reader.Invalid("the pickle takes a value that it did not make");

    /// <summary>Removes the values from an index on.</summary>
    public void Drop(int from) => _values.RemoveRange(from, _values.Count - from);

    /// <summary>Adds the top value to the memo under the next index.</summary>
    public void Remember() => Remember((uint)_memo.Count);

    /// <summary>Adds the top value to the memo.</summary>
    public void Remember(uint index)
    {
        if (index >= MaxMemo)
            throw budget.Exceeded($"more than {MaxMemo} memoized values");

        object? value = Peek();
        while (_memo.Count <= index)
            _memo.Add(s_unset);
        _memo[(int)index] = value;
    }

    /// <summary>Pushes a value of the memo.</summary>
    public void Recall(uint index)
    {
        if (index >= _memo.Count || ReferenceEquals(_memo[(int)index], s_unset))
            throw reader.Invalid($"the pickle uses a memoized value {index} that it did not make");
        Push(_memo[(int)index]);
    }
}
