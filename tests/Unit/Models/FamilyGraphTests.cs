using System.Text.Json;
using StableDiffusion.Models;
using StableDiffusion.Tensors;

namespace StableDiffusion.Tests.Models;

/// <summary>The tiny SD 1.x model of the reference, which is too large for the repository and lies beside it.</summary>
public sealed class FamilyGraphTests : IDisposable
{
    private readonly TemporaryFolder _cache = new();

    private static string Families { get; } = Path.GetFullPath(Path.Combine(Repository.Root, "..", "shared", "reference", "families"));

    public void Dispose() => _cache.Dispose();

    [Fact]
    public void SD_1_builds_and_its_parts_fit_together()
    {
        string built = BuildSd1();
        using GraphSession text = new(Path.Combine(built, "text_encoder", "model.onnx"));
        using GraphSession unet = new(Path.Combine(built, "unet", "model.onnx"));
        using GraphSession decoder = new(Path.Combine(built, "vae_decoder", "model.onnx"));

        Tensor embedding = text.Run(("input_ids", new long[] { 49406, 320, 2368, 49407 }))["last_hidden_state"];
        Tensor noise = unet.Run(
            ("sample", new Tensor(1, 4, 13, 10)), ("timestep", new Tensor([981f], 1)), ("encoder_hidden_states", embedding))["out_sample"];
        Tensor picture = decoder.Run(("latent_sample", noise))["sample"];

        Assert.Equal([1, 4, 64], embedding.Shape);
        Assert.Equal([1, 4, 13, 10], noise.Shape);
        Assert.Equal([1, 3, 104, 80], picture.Shape);
        Assert.DoesNotContain(picture.Values, value => !float.IsFinite(value));
    }

    [Fact]
    public void Clip_skip_gives_the_reference_embedding()
    {
        string built = BuildSd1();
        using JsonDocument families = JsonDocument.Parse(
            File.ReadAllText(Path.Combine(Families, "families.json")).Replace("-Infinity", "null", StringComparison.Ordinal));
        JsonElement item = families.RootElement.GetProperty("cases").EnumerateArray()
            .Single(item => item.GetProperty("kind").GetString() == "clip_skip");
        Assert.Equal("a photo of an astronaut riding a horse", item.GetProperty("prompt").GetString());
        long[] ids = new long[77];
        Array.Fill(ids, 49407);
        new long[] { 49406, 320, 1125, 539, 550, 18376, 6765, 320, 4558 }.CopyTo(ids, 0);
        using SafetensorsFile tensors = SafetensorsFile.Open(Path.Combine(Families, "families.safetensors"));
        using GraphSession session = new(Path.Combine(built, "text_encoder", "model.onnx"));

        Dictionary<string, Tensor> outputs = session.Run(("input_ids", ids));

        Tensor expected = tensors.Read(item.GetProperty("embedding").GetString()!);
        Closeness.AssertClose(expected, outputs[$"last_hidden_state.{item.GetProperty("diffusers_clip_skip").GetInt32()}"], 2e-4f);
    }

    private string BuildSd1()
    {
        Assert.SkipUnless(Directory.Exists(Families), "The reference's model families do not lie beside the repository.");
        return ModelBuilder.Build(Path.Combine(Families, "sd1-diffusers"), _cache.Path, null, TestContext.Current.CancellationToken);
    }
}
