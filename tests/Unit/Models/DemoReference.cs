using System.Text.Json;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Models;

/// <summary>The numbers that diffusers and transformers computed with the demo model.</summary>
public sealed class DemoReference : IDisposable
{
    private readonly SafetensorsFile _tensors = SafetensorsFile.Open(Repository.Data("demo", "demo.safetensors"));

    // Python writes an infinite number as a bare word, which is not JSON.
    private readonly JsonDocument _cases = JsonDocument.Parse(
        File.ReadAllText(Repository.Data("demo", "demo.json")).Replace("-Infinity", "null", StringComparison.Ordinal));

    /// <summary>The cases of one kind, in the order of the file.</summary>
    public IReadOnlyList<JsonElement> Cases(string kind) =>
    [
        .. _cases.RootElement.GetProperty("cases").EnumerateArray()
            .Where(item => item.GetProperty("kind").GetString() == kind),
    ];

    /// <summary>A tensor that a case names.</summary>
    public Tensor Read(JsonElement item, string key) => _tensors.Read(item.GetProperty(key).GetString()!);

    /// <summary>The embedding of a prompt, as the reference has it.</summary>
    public Tensor Embedding(string prompt)
    {
        JsonElement item = Cases("text").Single(item => item.GetProperty("prompt").GetString() == prompt);
        return Read(item, "last_hidden_state");
    }

    public void Dispose()
    {
        _tensors.Dispose();
        _cases.Dispose();
    }
}
