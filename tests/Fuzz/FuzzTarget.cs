using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using StableDiffusion.Fuzz.Mutations;

namespace StableDiffusion.Fuzz;

/// <summary>A reader of the engine, and the cases that it is given.</summary>
/// <param name="name">The name of the target, which its cases are named after.</param>
/// <param name="mutations">The changes that know the format; those of bytes are added.</param>
internal abstract class FuzzTarget(string name, params IReadOnlyList<Mutation> mutations)
{
    private const int MaxLength = 2 << 20;
    private const int MaxChanges = 4;

    private byte[][]? _corpus;

    /// <summary>The name of the target.</summary>
    public string Name => name;

    /// <summary>Whether the reader is native code, whose crash ends the process: it is only run in child processes.</summary>
    public virtual bool IsNative => false;

    /// <summary>Whether changes of bytes that know no format are added.</summary>
    protected virtual bool AddsBytes => true;

    /// <summary>The valid cases that all others are made from.</summary>
    public IReadOnlyList<byte[]> Corpus => _corpus ??= [.. MakeCorpus()];

    /// <summary>Gives a case to the reader, as the module would.</summary>
    /// <param name="data">The bytes of the file, or of the text in UTF-8.</param>
    /// <returns>The texts that a user would be shown, such as warnings.</returns>
    public abstract IEnumerable<string> Run(byte[] data);

    /// <summary>Makes a case.</summary>
    /// <param name="seed">The seed of the run.</param>
    /// <param name="index">The number of the case in the run.</param>
    /// <returns>The case, always the same one of the same numbers.</returns>
    public byte[] Create(long seed, long index)
    {
        byte[] key = [.. Encoding.UTF8.GetBytes(Name), .. new byte[2 * sizeof(long)]];
        BinaryPrimitives.WriteInt64LittleEndian(key.AsSpan(^(2 * sizeof(long))..), seed);
        BinaryPrimitives.WriteInt64LittleEndian(key.AsSpan(^sizeof(long)..), index);
        Random random = new((int)XxHash32.HashToUInt32(key));

        byte[] data = Corpus[random.Next(Corpus.Count)];
        for (int changes = random.Next(1, MaxChanges + 1); changes > 0; changes--)
            data = Change(data, random);
        return data.Length > MaxLength ? data[..MaxLength] : data;
    }

    /// <summary>Makes the corpus.</summary>
    protected abstract IEnumerable<byte[]> MakeCorpus();

    private byte[] Change(byte[] data, Random random)
    {
        if (AddsBytes && random.Next(12) == 0)
            return ByteMutations.Splice(data, Corpus[random.Next(Corpus.Count)], random);

        // Damage that a checksum or a length gives away at once is the smaller part.
        IReadOnlyList<Mutation> choice = mutations.Count > 0 && (!AddsBytes || random.Next(3) > 0) ? mutations : ByteMutations.All;
        return choice[random.Next(choice.Count)](data, random);
    }
}
