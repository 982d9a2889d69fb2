using StableDiffusion.Adapters;
using StableDiffusion.Denoising;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Denoising;

/// <summary>Values that no model makes are named where they are, and not blamed on the weights of the model that gets them.</summary>
public sealed class UnusableValueTests
{
    private const string Far = "far beyond any that a model makes";

    [Theory]
    [InlineData(3.4e38f, Far)]
    [InlineData(-2e9f, Far)]
    [InlineData(float.NaN, "NaN or infinite")]
    [InlineData(float.NegativeInfinity, "NaN or infinite")]
    public void A_latent_or_an_embedding_with_such_a_value_is_refused(float value, string fault)
    {
        Assert.Contains(fault, Assert.Throws<NotFiniteException>(() => new Latent(Values(value, 1, 4, 8, 8), new GenerationInfo())).Message, StringComparison.Ordinal);
        Assert.Contains(fault, Assert.Throws<NotFiniteException>(() => TextEmbeddingFile.ToBytes(Embedding(value))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(3.4e38f)]
    [InlineData(-2e9f)]
    public void A_file_with_such_a_value_is_refused_by_its_name(float value)
    {
        using TemporaryFolder folder = new();
        LatentFile.Write(new Latent(Values(12345, 1, 4, 8, 8), new GenerationInfo()), folder["latent.safetensors"]);
        TextEmbeddingFile.Write(Embedding(12345), folder["embedding.safetensors"]);
        SafetensorsWriter.Write(folder["word.safetensors"], new Dictionary<string, Tensor> { ["emb_params"] = Values(12345, 2, 8) });
        foreach (string file in Directory.GetFiles(folder.Path))
            Replace(file, 12345, value);

        Assert.Contains($"latent.safetensors' has a value that is {(value > 0 ? "3.4E+38" : "2E+09")} in size, {Far}", Assert.Throws<LatentInvalidException>(() => LatentFile.Read(folder["latent.safetensors"])).Message, StringComparison.Ordinal);
        Assert.Contains("embedding.safetensors' has a value that is", Assert.Throws<EmbeddingInvalidException>(() => TextEmbeddingFile.Read(folder["embedding.safetensors"])).Message, StringComparison.Ordinal);
        Assert.Contains(Far, Assert.Throws<AdapterInvalidException>(() => TextualInversionFile.Load(folder["word.safetensors"])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_most_noise_of_a_scheduler_is_not() => Assert.Equal(30_000, new Latent(Values(30_000, 1, 4, 8, 8), new GenerationInfo()).Tensor.Values[5]);

    private static TextEmbedding Embedding(float value) => new("a", PromptOptions.Default, new TextVectors(Values(value, 1, 77, 8), null), [1], [], "demo");

    private static Tensor Values(float value, params ReadOnlySpan<int> shape)
    {
        Tensor tensor = new(shape);
        tensor.Values[5] = value;
        return tensor;
    }

    private static void Replace(string file, float from, float to)
    {
        byte[] bytes = File.ReadAllBytes(file);
        int at = bytes.AsSpan().IndexOf(BitConverter.GetBytes(from));
        BitConverter.GetBytes(to).CopyTo(bytes, at);
        File.WriteAllBytes(file, bytes);
    }
}
