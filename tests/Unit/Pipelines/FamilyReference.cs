using System.Text.Json;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Pipelines;

/// <summary>The reference's tiny models of each family, which the build makes from <c>tests/data/families</c>, and their numbers.</summary>
internal static class FamilyReference
{
    private static readonly Lazy<SafetensorsFile> s_tensors = new(() => SafetensorsFile.Open(Find("families.safetensors")));

    private static readonly Lazy<JsonElement> s_cases = new(() =>
    {
        // Python's json writes what JSON has no word for.
        using JsonDocument document = JsonDocument.Parse(File.ReadAllText(Find("families.json")).Replace("-Infinity", "null", StringComparison.Ordinal));
        return document.RootElement.GetProperty("cases").Clone();
    });

    /// <summary>The cases of a family and kind.</summary>
    public static IReadOnlyList<JsonElement> Cases(string family, string kind) =>
        [.. s_cases.Value.EnumerateArray().Where(item => item.GetProperty("family").GetString() == family && item.GetProperty("kind").GetString() == kind)];

    public static Tensor Tensor(string name) => s_tensors.Value.Read(name);

    /// <summary>The path of a file or folder.</summary>
    public static string Find(params string[] parts) => Path.Combine([Repository.Root, "out", "families", .. parts]);
}
