namespace StableDiffusion.Storage;

/// <summary>The limit on the memory of an image and of the process.</summary>
internal static class MemoryLimit
{
    /// <summary>The environment variable that sets the limit, in MB.</summary>
    public const string Variable = "STABLEDIFFUSION_MAX_MEMORY_MB";

    /// <summary>The limit, as the variable is at the moment.</summary>
    /// <param name="standard">The number of bytes without the variable.</param>
    /// <returns>The number of bytes.</returns>
    /// <exception cref="InvalidSettingException">The variable does not hold a whole number above 0.</exception>
    public static long Bytes(long standard) => new Limit(Variable, Math.Max(standard / Limit.BytesPerMegabyte, 1)).Bytes;
}
