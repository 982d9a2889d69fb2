using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace StableDiffusion.Prompts.Templates;

/// <summary>
/// The random choices of one prompt of a template, which depend on the template, the seed and the number of the prompt alone.
/// Source: O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms" (PCG-XSH-RR 64/32).
/// </summary>
internal sealed class TemplateRandom
{
    private const ulong Multiplier = 6364136223846793005;

    private readonly ulong _increment;
    private ulong _state;

    /// <summary>Seeds the generator with the SHA-256 of what the choices depend on.</summary>
    /// <param name="template">The template.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="index">The number of the prompt, from 0.</param>
    public TemplateRandom(string template, long seed, long index)
    {
        byte[] text = Encoding.UTF8.GetBytes(template);
        byte[] all = new byte[text.Length + (2 * sizeof(long))];
        BinaryPrimitives.WriteInt64LittleEndian(all, seed);
        BinaryPrimitives.WriteInt64LittleEndian(all.AsSpan(sizeof(long)), index);
        text.CopyTo(all.AsSpan(2 * sizeof(long)));
        byte[] hash = SHA256.HashData(all);
        _increment = BinaryPrimitives.ReadUInt64LittleEndian(hash.AsSpan(sizeof(ulong))) | 1;
        _state = BinaryPrimitives.ReadUInt64LittleEndian(hash) + _increment;
        _ = Next();
    }

    /// <summary>A number from 0 to below 1.</summary>
    public double Unit() => ((((ulong)Next() << 21) ^ (Next() >> 11)) & ((1UL << 53) - 1)) * (1.0 / (1UL << 53));

    /// <summary>A whole number in a range.</summary>
    /// <param name="least">The least number.</param>
    /// <param name="most">The greatest number.</param>
    public int Integer(int least, int most) => least + (int)(Unit() * (most - (double)least + 1));

    /// <summary>The index of a value, by weight; with weights of 0 alone, each is as likely.</summary>
    /// <param name="values">The values.</param>
    /// <param name="weightOf">The weight of a value, 0 or more.</param>
    public int Weighted<T>(IReadOnlyList<T> values, Func<T, double> weightOf)
    {
        double total = 0;
        for (int i = 0; i < values.Count; i++)
            total += weightOf(values[i]);
        if (total <= 0)
            return Integer(0, values.Count - 1);
        double place = Unit() * total;
        for (int i = 0; i < values.Count; i++)
        {
            double weight = weightOf(values[i]);
            place -= weight;
            if (place < 0 && weight > 0)
                return i;
        }

        // Rounding can leave a rest behind the last value.
        return Enumerable.Range(0, values.Count).Last(i => weightOf(values[i]) > 0);
    }

    private uint Next()
    {
        ulong old = _state;
        _state = (old * Multiplier) + _increment;
        return uint.RotateRight((uint)(((old >> 18) ^ old) >> 27), (int)(old >> 59));
    }
}
