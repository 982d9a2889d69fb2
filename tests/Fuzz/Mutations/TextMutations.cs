using System.Text;

namespace StableDiffusion.Fuzz.Mutations;

/// <summary>Changes of texts, with the words that their syntax has a meaning for.</summary>
/// <param name="words">The words and marks of the syntax.</param>
internal sealed class TextMutations(params string[] words)
{
    // Depths and repetitions that a quadratic reader is slow with, and a linear one is not.
    private const int ManyTimes = 20_000;

    /// <summary>All of them.</summary>
    public IReadOnlyList<Mutation> All => [InsertWord, InsertWord, InsertWord, ReplaceWord, InsertHostile, Repeat, Shuffle];

    private byte[] InsertWord(byte[] data, Random random) => Insert(data, random, Word(random));

    private static byte[] InsertHostile(byte[] data, Random random) => Insert(data, random, Hostile.Texts[random.Next(Hostile.Texts.Count)]);

    private byte[] Repeat(byte[] data, Random random)
    {
        string word = string.Concat(Enumerable.Range(0, random.Next(1, 4)).Select(_ => Word(random)));
        return Insert(data, random, string.Concat(Enumerable.Repeat(word, random.Next(16) == 0 ? ManyTimes : random.Next(2, 200))));
    }

    private byte[] ReplaceWord(byte[] data, Random random)
    {
        string text = Encoding.UTF8.GetString(data);
        string word = Word(random);
        return Encoding.UTF8.GetBytes(word.Length == 0 ? text : text.Replace(word, Word(random), StringComparison.Ordinal));
    }

    private static byte[] Shuffle(byte[] data, Random random)
    {
        string[] parts = Encoding.UTF8.GetString(data).Split(random.Next(2) == 0 ? ',' : ' ');
        random.Shuffle(parts);
        return Encoding.UTF8.GetBytes(string.Join(',', parts));
    }

    private static byte[] Insert(byte[] data, Random random, string text)
    {
        int at = random.Next(data.Length + 1);
        return [.. data.AsSpan(0, at), .. Encoding.UTF8.GetBytes(text), .. data.AsSpan(at)];
    }

    private string Word(Random random) => words[random.Next(words.Length)];
}
