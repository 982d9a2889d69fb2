namespace StableDiffusion.Tests;

/// <summary>References that are too large for the repository and lie beside it.</summary>
internal static class SharedReference
{
    private static string Root { get; } = Path.GetFullPath(Path.Combine(Repository.Root, "..", "shared", "reference"));

    /// <summary>Whether a file or folder is there.</summary>
    public static bool Exists(params string[] parts) => Path.Exists(Path.Combine([Root, .. parts]));

    /// <summary>The path of a file or folder; without it the test is skipped.</summary>
    public static string Find(params string[] parts)
    {
        Assert.SkipUnless(Exists(parts), $"The reference '{string.Join('/', parts)}' does not lie beside the repository.");
        return Path.Combine([Root, .. parts]);
    }
}
