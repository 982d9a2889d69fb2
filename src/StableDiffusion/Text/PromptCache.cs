using System.Text.Json;

namespace StableDiffusion.Text;

/// <summary>
/// What a model made of prompts, so that the prompts that many images share are encoded once: those that were used last, within
/// bounds. What it returns is the same as without it. Thread-safe.
/// </summary>
internal sealed class PromptCache
{
    /// <summary>The most encodings that are kept.</summary>
    internal const int MostEntries = 64;

    /// <summary>The most bytes that they take, but for the last one alone.</summary>
    internal const long MostBytes = 64L << 20;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<Entry>> _entries = new(StringComparer.Ordinal);

    // The one that was used last is the first.
    private readonly LinkedList<Entry> _byUse = [];
    private long _bytes;

    /// <summary>The number of encodings.</summary>
    internal int Count
    {
        get
        {
            lock (_lock)
                return _entries.Count;
        }
    }

    /// <summary>Encodes a prompt, or finds its encoding.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="options">How it is read.</param>
    /// <param name="encode">Encodes it; an error is not kept.</param>
    /// <param name="isKnown">Whether it was encoded before.</param>
    /// <returns>An embedding of its own, which the caller may change.</returns>
    public TextEmbedding Encode(string prompt, PromptOptions options, Func<TextEmbedding> encode, out bool isKnown) =>
        Get("prompt", [prompt], options, encode, static embedding => BytesOf(embedding.Vectors), out isKnown).Copy();

    /// <summary>Encodes the texts of one run together, or finds their encoding.</summary>
    /// <param name="texts">The texts.</param>
    /// <param name="options">How they are read.</param>
    /// <param name="encode">Encodes them; an error is not kept.</param>
    /// <returns>An encoding for each text. They are shared, and not to be changed.</returns>
    public IReadOnlyList<TextVectors> EncodeTogether(IReadOnlyList<string> texts, PromptOptions options, Func<IReadOnlyList<TextVectors>> encode) =>
        Get("texts", texts, options, encode, static vectors => vectors.Sum(BytesOf), out _);

    private static long BytesOf(TextVectors vectors) => sizeof(float) * ((long)vectors.HiddenStates.Length + (vectors.PooledState?.Length ?? 0));

    private static string KeyOf(string kind, IEnumerable<string> texts, PromptOptions options) => JsonSerializer.Serialize<string[][]>(
    [
        [kind, $"{options.Syntax}", $"{options.Emphasis}", $"{options.ClipSkip}"],
        [.. texts],
        [.. options.TextualInversions.SelectMany(static word => (string[])[word.Name, word.Hash, word.Reference])],
        [.. options.Loras],
        [.. options.LoraNames],
    ]);

    private T Get<T>(string kind, IReadOnlyList<string> texts, PromptOptions options, Func<T> encode, Func<T, long> sizeOf, out bool isKnown)
        where T : class
    {
        string key = KeyOf(kind, texts, options);
        lock (_lock)
        {
            isKnown = _entries.TryGetValue(key, out LinkedListNode<Entry>? known);
            if (isKnown)
            {
                _byUse.Remove(known!);
                _byUse.AddFirst(known!);
                return (T)known!.Value.Value;
            }
        }

        // Not in the lock: others may find what they look for meanwhile.
        T made = encode();
        Add(new Entry(key, made, sizeOf(made) + (sizeof(char) * (long)key.Length)));
        return made;
    }

    private void Add(Entry entry)
    {
        lock (_lock)
        {
            // Another thread may have encoded it at the same time.
            if (!_entries.TryAdd(entry.Key, new LinkedListNode<Entry>(entry)))
                return;
            _byUse.AddFirst(_entries[entry.Key]);
            _bytes += entry.Bytes;
            while (_entries.Count > MostEntries || (_bytes > MostBytes && _entries.Count > 1))
            {
                Entry oldest = _byUse.Last!.Value;
                _byUse.RemoveLast();
                _entries.Remove(oldest.Key);
                _bytes -= oldest.Bytes;
            }
        }
    }

    private sealed record Entry(string Key, object Value, long Bytes);
}
