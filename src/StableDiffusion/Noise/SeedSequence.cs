namespace StableDiffusion.Noise;

/// <summary>
/// NumPy's <c>SeedSequence</c>: well-separated seeds for the nodes of a tree, however similar the numbers of the nodes.
/// The hash is O'Neill's, "Developing a seed_seq Alternative", 2015.
/// </summary>
internal static class SeedSequence
{
    private const uint PoolStart = 0x43B0D7E5;
    private const uint PoolStep = 0x931E8875;
    private const uint OutputStart = 0x8B51F9DD;
    private const uint OutputStep = 0x58F38DED;
    private const uint MixLeft = 0xCA01F9DD;
    private const uint MixRight = 0x4973F715;

    /// <summary>The first word of <c>SeedSequence(entropy, spawn_key=…, pool_size=…).generate_state(…)</c>.</summary>
    /// <param name="entropy">The seed of the tree.</param>
    /// <param name="spawnKey">The path to the node; empty for the root.</param>
    /// <param name="poolSize">The number of words that the entropy is spread over; at least 2.</param>
    public static uint FirstWord(ulong entropy, ReadOnlySpan<uint> spawnKey, int poolSize)
    {
        Span<uint> pool = stackalloc uint[poolSize];
        pool.Clear();
        pool[0] = (uint)entropy;
        pool[1] = (uint)(entropy >> 32);

        uint factor = PoolStart;
        foreach (ref uint word in pool)
            word = Hash(word, ref factor);

        for (int source = 0; source < poolSize; source++)
        {
            for (int target = 0; target < poolSize; target++)
            {
                if (target != source)
                    pool[target] = Mix(pool[target], Hash(pool[source], ref factor));
            }
        }

        foreach (uint word in spawnKey)
        {
            foreach (ref uint target in pool)
                target = Mix(target, Hash(word, ref factor));
        }

        return Fold((pool[0] ^ OutputStart) * unchecked(OutputStart * OutputStep));
    }

    private static uint Hash(uint value, ref uint factor)
    {
        value ^= factor;
        factor *= PoolStep;
        return Fold(value * factor);
    }

    private static uint Mix(uint left, uint right) => Fold((MixLeft * left) - (MixRight * right));

    private static uint Fold(uint value) => value ^ (value >> 16);
}
