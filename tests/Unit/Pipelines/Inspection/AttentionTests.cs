using StableDiffusion.Denoising;
using StableDiffusion.Denoising.Inspection;
using StableDiffusion.Images;
using StableDiffusion.Pipelines;
using StableDiffusion.Settings;
using StableDiffusion.Tensors;
using StableDiffusion.Text;

namespace StableDiffusion.Tests.Pipelines.Inspection;

/// <summary>The cross-attention that a denoising keeps, and the maps of it.</summary>
public sealed class AttentionTests(SharedModels models)
{
    // "a", "red", "dragon" in three pieces, "a" again in a second chunk.
    private static readonly PromptToken[] s_tokens = [new("a", 1, 1, 0), new("red", 2, 1, 0), new("dra", 3, 1, 0), new("g", 4, 1, 0), new("on", 5, 1, 0), new("a", 1, 1, 1)];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(nameof(SharedModels.Demo), 6)]
    [InlineData(nameof(SharedModels.HalfDemo), 6)]
    [InlineData(nameof(SharedModels.IntegerDemo), 6)]
    [InlineData(nameof(SharedModels.Sd2), 0)]
    [InlineData(nameof(SharedModels.Large), 0)]
    [InlineData(nameof(SharedModels.Inpainting), 0)]
    public void The_weights_of_a_pixel_sum_to_one_and_the_latent_stays_the_same(string name, int least)
    {
        DiffusionPipeline pipeline = new(models.Open(models.Find(name)));
        TextEmbedding embedding = pipeline.EncodePrompt("a red house", cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 1, Steps = 3, Scheduler = "Heun", Width = 64, Height = 64, GuidanceScale = 4 };
        List<StepLatent> steps = [];

        StepLatent kept = Assert.IsType<StepLatent>(pipeline.Denoise(embedding, null, null, options with { Attention = new AttentionOptions() }, step => steps.Add((StepLatent)step.Capture()), Cancellation));

        Assert.Equal(pipeline.Denoise(embedding, null, null, options, cancellationToken: Cancellation).Tensor.Values, kept.Tensor.Values);
        Assert.Equal([1, 2, 3], kept.Attention.Select(static weights => weights.Step).Distinct());
        int layers = kept.Attention.Count / 3;
        Assert.InRange(layers, Math.Max(least, 1), 1000);
        Assert.Equal(layers, kept.Attention.Select(static weights => weights.Layer).Distinct().Count());
        Assert.All(steps, step => Assert.Equal(kept.Attention.Where(weights => weights.Step == step.Step), step.Attention));
        Assert.All(kept.Attention, weights =>
        {
            Assert.Equal(77, weights.Tokens);
            for (int row = 0; row < weights.Heads * weights.Height * weights.Width; row++)
            {
                ReadOnlySpan<float> all = weights.Weights.Span.Slice(row * weights.Tokens, weights.Tokens);
                double sum = 0;
                foreach (float weight in all)
                {
                    Assert.InRange(weight, 0, 1);
                    sum += weight;
                }

                Assert.Equal(1, sum, 1e-5);
            }
        });
    }

    [Fact]
    public void Layers_and_steps_can_be_chosen()
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        TextEmbedding embedding = pipeline.EncodePrompt("a red house", cancellationToken: Cancellation);
        AttentionOptions few = new() { KeepsLayer = static layer => layer.StartsWith("mid_block", StringComparison.Ordinal), Steps = [2] };
        StepLatent kept = (StepLatent)pipeline.Denoise(embedding, null, null, new DenoiseOptions { Seed = 1, Steps = 3, Attention = few }, cancellationToken: Cancellation);
        Assert.Equal([(2, "mid_block.attentions.0.transformer_blocks.0")], kept.Attention.Select(static weights => (weights.Step, weights.Layer)));

        InvalidSettingException none = Assert.Throws<InvalidSettingException>(() => pipeline.Denoise(embedding, null, null, new DenoiseOptions { Attention = new AttentionOptions { KeepsLayer = static _ => false } }, cancellationToken: Cancellation));
        Assert.Equal("AttentionLayer", none.Setting);
        Assert.Contains("mid_block.attentions.0.transformer_blocks.0", none.Message, StringComparison.Ordinal);
        Assert.Equal("Attention", Assert.Throws<InvalidSettingException>(() => pipeline.Denoise(embedding, null, null, new DenoiseOptions { Attention = few, FeatureReuse = 2 }, cancellationToken: Cancellation)).Setting);
    }

    [Fact]
    public void A_map_is_the_mean_at_the_size_of_the_latent()
    {
        // Two heads of 1x2 pixels and 154 tokens; the latent has 2x4 cells.
        Tensor weights = new(1, 2, 2, 154);
        Set(head: 0, pixel: 0, position: 2, 0.2f);
        Set(head: 1, pixel: 0, position: 2, 0.4f);
        Set(head: 1, pixel: 1, position: 2, 0.8f);
        AttentionWeights layer = new("layer", 3, 2, 4, weights, s_tokens);
        Assert.Equal((1, 2), (layer.Height, layer.Width));

        AttentionMap map = AttentionMap.Of([layer], "red", AttentionMap.Find(s_tokens, "red"), head: null);
        Assert.Equal([2, 4], map.Values.Shape);
        Assert.Equal(0.3f, map.Values.Values[0], 1e-6f);
        Assert.Equal(0.4f, map.Values.Values[3], 1e-6f);
        Assert.Equal((3, "layer", null), (map.Step, map.Layer, map.Head));
        Assert.InRange(map.CenterX, 0.7, 0.8);
        Assert.Equal(0.5, map.CenterY, 1e-6);
        Assert.Equal((32, 16), (map.Image.Width, map.Image.Height));
        Assert.Equal(0, map.Image.Pixels[0]);
        Assert.Equal(255, map.Image.Pixels[^1]);
        DiffusionImage over = map.Over(new DiffusionImage(4, 2, [.. Enumerable.Repeat((byte)200, 24)], new GenerationInfo()));
        Assert.Equal((4, 2, 30, 200), (over.Width, over.Height, over.Pixels[0], over.Pixels[^1]));
        Assert.Equal(0.8f, AttentionMap.Of([layer], "red", [2], head: 1).Maximum, 1e-6f);

        void Set(int head, int pixel, int position, float value) => weights.Values[(((head * 2) + pixel) * 154) + position] = value;
    }

    [Fact]
    public void A_word_is_found_as_a_token_or_as_several()
    {
        Assert.Equal([2], AttentionMap.Find(s_tokens, "Red"));
        Assert.Equal([3, 4, 5], AttentionMap.Find(s_tokens, "dragon"));
        Assert.Equal([1, 78], AttentionMap.Find(s_tokens, "a"));
        Assert.Empty(AttentionMap.Find(s_tokens, "drag on"));
        Assert.Empty(AttentionMap.Find(s_tokens, string.Empty));
    }

    [Fact]
    public void A_latent_without_attention_and_a_word_that_is_not_there_are_errors()
    {
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        TextEmbedding embedding = pipeline.EncodePrompt("a red house", cancellationToken: Cancellation);
        DenoiseOptions options = new() { Seed = 1, Steps = 1 };
        Assert.Equal("Latent", Assert.Throws<InvalidSettingException>(() => AttentionMaps.Of(pipeline.Denoise(embedding, null, null, options, cancellationToken: Cancellation), ["red"])).Setting);
        Latent kept = pipeline.Denoise(embedding, null, null, options with { Attention = new AttentionOptions() }, cancellationToken: Cancellation);
        Assert.Equal("Token", Assert.Throws<InvalidSettingException>(() => AttentionMaps.Of(kept, ["boat"])).Setting);
        Assert.Equal(["a", "red", "house"], AttentionMaps.Of(kept, null).Select(static map => map.Token));
    }

    // The sides come out at random, so that the colors of the image say where the objects are.
    [Fact]
    public void Words_lie_on_their_objects()
    {
        string[] colors = ["red", "blue", "green", "yellow", "purple"];
        string[] shapes = ["circle", "square", "triangle", "heart"];
        DiffusionPipeline pipeline = new(models.Open(models.Demo));
        int hits = 0, objects = 0;
        for (int number = 0; objects < 40 && number < 60; number++)
        {
            (string firstColor, string secondColor) = (colors[number % 5], colors[(number + 1 + (number / 5 % 3)) % 5]);
            (string first, string second) = (shapes[number % 4], shapes[(number + 1 + (number / 4 % 2)) % 4]);
            if (first == second || firstColor == secondColor)
                continue;
            TextEmbedding embedding = pipeline.EncodePrompt($"a {firstColor} {first} and a {secondColor} {second} on white", cancellationToken: Cancellation);
            Latent latent = pipeline.Denoise(embedding, null, null, new DenoiseOptions { Seed = number, Attention = new AttentionOptions() }, cancellationToken: Cancellation);
            byte[] pixels = pipeline.Decode(latent, Cancellation).Pixels;
            if (CenterOf(pixels, firstColor) is not (double, double) one || CenterOf(pixels, secondColor) is not (double, double) other || Distance(one, other) < 0.2)
                continue;
            IReadOnlyList<AttentionMap> maps = AttentionMaps.Of(latent, [first, second]);
            objects += 2;
            hits += IsNearer(maps[0], one, other) ? 1 : 0;
            hits += IsNearer(maps[1], other, one) ? 1 : 0;
        }

        TestContext.Current.SendDiagnosticMessage($"attention: {hits} of {objects}");
        Assert.Equal(40, objects);
        Assert.InRange(hits, 36, 40);

        static bool IsNearer(AttentionMap map, (double X, double Y) own, (double X, double Y) other) => Distance((map.CenterX, map.CenterY), own) < Distance((map.CenterX, map.CenterY), other);

        static double Distance((double X, double Y) one, (double X, double Y) other) => Math.Sqrt(((one.X - other.X) * (one.X - other.X)) + ((one.Y - other.Y) * (one.Y - other.Y)));
    }

    private static (double X, double Y)? CenterOf(byte[] pixels, string color)
    {
        (double x, double y, int count) = (0, 0, 0);
        for (int i = 0; i < pixels.Length / 3; i++)
        {
            (int red, int green, int blue) = (pixels[3 * i], pixels[(3 * i) + 1], pixels[(3 * i) + 2]);
            bool isThere = color switch
            {
                "red" => red > 140 && green < 100 && blue < 100,
                "green" => green > 100 && red < 100 && blue < 110,
                "blue" => blue > 130 && red < 100 && green < 140,
                "yellow" => red > 180 && green > 150 && blue < 110,
                _ => red is > 80 and < 190 && green < 110 && blue > 110,
            };
            if (isThere)
                (x, y, count) = (x + (i % 64) + 0.5, y + (i / 64) + 0.5, count + 1);
        }

        return count < 60 ? null : (x / count / 64, y / count / 64);
    }
}
