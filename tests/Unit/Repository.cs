using System.Reflection;

namespace StableDiffusion.Tests;

/// <summary>Where the tests find what lies in the repository.</summary>
internal static class Repository
{
    public static string Root { get; } = typeof(Repository).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "RepositoryRoot").Value!;

    public static string DemoModel { get; } = Path.Combine(Root, "src", "demo-model");

    /// <summary>A file of the reference numbers that lie in <c>tests/data</c>.</summary>
    public static string Data(params string[] parts) => Path.Combine([Root, "tests", "data", .. parts]);

    /// <summary>A reference that is too large for the repository and lies beside it; without it the test is skipped.</summary>
    public static string SharedReference(params string[] parts)
    {
        string path = Path.GetFullPath(Path.Combine([Root, "..", "shared", "reference", .. parts]));
        Assert.SkipUnless(Path.Exists(path), $"The reference '{string.Join('/', parts)}' does not lie beside the repository.");
        return path;
    }
}
