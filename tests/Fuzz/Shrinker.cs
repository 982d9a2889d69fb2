namespace StableDiffusion.Fuzz;

/// <summary>Makes a case smaller that shows a fault.</summary>
internal static class Shrinker
{
    private const int MaxTries = 2000;

    /// <summary>Removes what the fault does not need.</summary>
    /// <param name="data">The case.</param>
    /// <param name="shows">Whether a case shows the same fault.</param>
    /// <returns>The smallest case that was found.</returns>
    public static byte[] Shrink(byte[] data, Func<byte[], bool> shows)
    {
        int tries = 0;
        for (int length = Math.Max(1, data.Length / 2); length > 0 && tries < MaxTries; length /= 2)
        {
            for (int start = 0; start < data.Length && tries < MaxTries; tries++)
            {
                byte[] smaller = [.. data.AsSpan(0, start), .. data.AsSpan(Math.Min(data.Length, start + length))];
                if (shows(smaller))
                    data = smaller;
                else
                    start += length;
            }
        }

        return data;
    }
}
