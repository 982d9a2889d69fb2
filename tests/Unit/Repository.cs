using System.Reflection;

namespace StableDiffusion.Tests;

/// <summary>Where the tests find what lies in the repository.</summary>
internal static class Repository
{
    public static string Root { get; } = typeof(Repository).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "RepositoryRoot").Value!;

    public static string DemoModel { get; } = Path.Combine(Root, "src", "demo-model");

    public static string ClipTokenizer { get; } = Path.Combine(Root, "src", "clip-tokenizer");

    /// <summary>Copies the demo model, to be changed.</summary>
    /// <returns>The folder of the copy.</returns>
    public static string CopyDemoModel(string folder) => Copy(DemoModel, folder);

    /// <summary>Copies a model's folder, to be changed.</summary>
    /// <returns>The folder of the copy.</returns>
    public static string Copy(string model, string folder)
    {
        foreach (string file in Directory.EnumerateFiles(model, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(folder, Path.GetRelativePath(model, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
            File.SetAttributes(copy, FileAttributes.Normal);
        }

        return folder;
    }

    /// <summary>A file of the reference numbers that lie in <c>tests/data</c>.</summary>
    public static string Data(params string[] parts) => Path.Combine([Root, "tests", "data", .. parts]);
}
