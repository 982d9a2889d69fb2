using StableDiffusion.Adapters;
using StableDiffusion.Networks;
using StableDiffusion.Onnx.Graphs;

namespace StableDiffusion.Tests.Adapters;

/// <summary>Each form of a change against its formula, value by value.</summary>
public sealed class LoraLayerTests(SharedModels models) : IDisposable
{
    private const string LinearPath = "down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k";
    private const string ConvPath = "down_blocks_1_resnets_0_conv1";
    private const string SquarePath = "down_blocks_1_resnets_0_conv2";
    private const int Out = 192;
    private const int LinearIn = 128;
    private const int ConvIn = 96;
    private const int Kernel = 9;
    private const int Rank = 4;
    private const float Alpha = 2;

    private readonly TemporaryFolder _folder = new();
    private readonly LoraTensors _tensors = new();

    /// <summary>The change at an output, an input and a place of the kernel.</summary>
    private delegate double Change(int output, int input, int place);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void LoRA_of_a_linear_layer()
    {
        float[] up = Add(LinearPath, "lora_up.weight", Out, Rank);
        float[] down = Add(LinearPath, "lora_down.weight", Rank, LinearIn);
        AddAlpha(LinearPath);
        AssertChange(LinearPath, (o, i, _) => Alpha / Rank * Sum(Rank, r => up[o * Rank + r] * down[r * LinearIn + i]));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(0f)]
    public void A_missing_alpha_and_one_of_zero_stand_for_the_rank(float? alpha)
    {
        float[] up = Add(LinearPath, "lora_up.weight", Out, Rank);
        float[] down = Add(LinearPath, "lora_down.weight", Rank, LinearIn);
        if (alpha is { } value)
            _tensors.AddNumber($"lora_unet_{LinearPath}.alpha", value);
        AssertChange(LinearPath, (o, i, _) => Sum(Rank, r => up[o * Rank + r] * down[r * LinearIn + i]));
    }

    [Fact]
    public void LoCon_of_a_convolution()
    {
        float[] up = Add(ConvPath, "lora_up.weight", Out, Rank, 1, 1);
        float[] down = Add(ConvPath, "lora_down.weight", Rank, ConvIn, 3, 3);
        AddAlpha(ConvPath);
        AssertChange(ConvPath, (o, i, k) => Alpha / Rank * Sum(Rank, r => up[o * Rank + r] * down[(r * ConvIn + i) * Kernel + k]));
    }

    [Fact]
    public void LoCon_in_Tuckers_form()
    {
        const int Core = 3;
        float[] up = Add(ConvPath, "lora_up.weight", Out, Core, 1, 1);
        float[] mid = Add(ConvPath, "lora_mid.weight", Core, Rank, 3, 3);
        float[] down = Add(ConvPath, "lora_down.weight", Rank, ConvIn, 1, 1);
        AddAlpha(ConvPath);
        AssertChange(ConvPath, (o, i, k) => Alpha / Rank * Sum(Core, a => Sum(Rank, b => up[o * Core + a] * mid[(a * Rank + b) * Kernel + k] * down[b * ConvIn + i])));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_core_of_a_huge_rank_takes_no_more_memory_than_the_file_and_the_weight(bool isLoHa)
    {
        // [a · kernel, in] has 3e9 values, more than an array can have; [out, b · kernel] has 8.
        const int OutWidth = 2, A = 30_000, B = 2, Places = 2, InWidth = 50_000;
        (float[] left, float[] core, float[] right) = isLoHa
            ? (AddSigns("hada_w1_a", A, OutWidth), AddSigns("hada_t1", A, B, Places), AddSigns("hada_w1_b", B, InWidth))
            : (AddSigns("lora_up.weight", OutWidth, A), AddSigns("lora_mid.weight", A, B, Places), AddSigns("lora_down.weight", B, InWidth));
        if (isLoHa)
        {
            Array.Fill(Add(ConvPath, "hada_w2_a", OutWidth, 1), 1);
            Array.Fill(Add(ConvPath, "hada_w2_b", 1, InWidth * Places), 1);
        }

        using LoraFile file = LoraFile.Open(_tensors.Save(_folder));
        float[] change = Assert.Single(file.Layers).Change!.Compute(file.File, new ChangedWeight(new Lazy<float[]>(new float[OutWidth * InWidth * Places]), OutWidth, InWidth, InWidth * Places, Strength: 1), TestContext.Current.CancellationToken);

        Assert.Equal(OutWidth * InWidth * Places, change.Length);
        foreach (int i in (int[])[0, 1, 77, InWidth - 1])
        {
            for (int o = 0; o < OutWidth; o++)
            {
                for (int k = 0; k < Places; k++)
                    Assert.Equal(Sum(A, x => Sum(B, y => left[isLoHa ? x * OutWidth + o : o * A + x] * core[(x * B + y) * Places + k] * right[y * InWidth + i])), change[(o * InWidth + i) * Places + k]);
            }
        }

        // Whole numbers, so that sums are exact in any order.
        float[] AddSigns(string ending, params int[] shape)
        {
            float[] values = Add(ConvPath, ending, shape);
            for (int i = 0; i < values.Length; i++)
                values[i] = Math.Sign(values[i]);
            return values;
        }
    }

    [Fact]
    public void A_computation_can_be_cancelled()
    {
        Add(LinearPath, "lora_up.weight", Out, Rank);
        Add(LinearPath, "lora_down.weight", Rank, LinearIn);
        using LoraFile file = LoraFile.Open(_tensors.Save(_folder));
        Assert.ThrowsAny<OperationCanceledException>(() => Assert.Single(file.Layers).Change!.Compute(file.File, new ChangedWeight(new Lazy<float[]>(new float[Out * LinearIn]), Out, LinearIn, LinearIn, Strength: 1), new CancellationToken(canceled: true)));
    }

    [Fact]
    public void LoHa_of_a_linear_layer()
    {
        float[] a1 = Add(LinearPath, "hada_w1_a", Out, Rank);
        float[] b1 = Add(LinearPath, "hada_w1_b", Rank, LinearIn);
        float[] a2 = Add(LinearPath, "hada_w2_a", Out, Rank);
        float[] b2 = Add(LinearPath, "hada_w2_b", Rank, LinearIn);
        AddAlpha(LinearPath);
        AssertChange(LinearPath, (o, i, _) => Alpha / Rank
            * Sum(Rank, r => a1[o * Rank + r] * b1[r * LinearIn + i]) * Sum(Rank, r => a2[o * Rank + r] * b2[r * LinearIn + i]));
    }

    [Fact]
    public void LoHa_of_a_convolution_in_Tuckers_form()
    {
        // LyCORIS: rebuild = einsum("i j k l, j r, i p -> p r k l", t, b, a)
        (float[] T, float[] A, float[] B)[] products = [.. new[] { 1, 2 }.Select(n => (
            Add(ConvPath, $"hada_t{n}", Rank, Rank, 3, 3), Add(ConvPath, $"hada_w{n}_a", Rank, Out), Add(ConvPath, $"hada_w{n}_b", Rank, ConvIn)))];
        AddAlpha(ConvPath);
        AssertChange(ConvPath, (o, i, k) => products.Aggregate((double)(Alpha / Rank), (product, f) => product
            * Sum(Rank, x => Sum(Rank, y => f.T[(x * Rank + y) * Kernel + k] * f.B[y * ConvIn + i] * f.A[x * Out + o]))));
    }

    [Fact]
    public void LoKr_of_whole_matrices_is_not_scaled()
    {
        float[] w1 = Add(LinearPath, "lokr_w1", 4, 8);
        float[] w2 = Add(LinearPath, "lokr_w2", Out / 4, LinearIn / 8);
        AddAlpha(LinearPath);
        AssertChange(LinearPath, (o, i, _) => w1[o / 48 * 8 + i / 16] * w2[o % 48 * 16 + i % 16]);
    }

    [Fact]
    public void LoKr_of_products()
    {
        float[] a1 = Add(LinearPath, "lokr_w1_a", 4, 2);
        float[] b1 = Add(LinearPath, "lokr_w1_b", 2, 8);
        float[] a2 = Add(LinearPath, "lokr_w2_a", Out / 4, Rank);
        float[] b2 = Add(LinearPath, "lokr_w2_b", Rank, LinearIn / 8);
        AddAlpha(LinearPath);
        AssertChange(LinearPath, (o, i, _) => Alpha / Rank
            * Sum(2, r => a1[o / 48 * 2 + r] * b1[r * 8 + i / 16]) * Sum(Rank, r => a2[o % 48 * Rank + r] * b2[r * 16 + i % 16]));
    }

    [Fact]
    public void LoKr_of_a_convolution_in_Tuckers_form()
    {
        float[] w1 = Add(ConvPath, "lokr_w1", 4, 8);
        float[] core = Add(ConvPath, "lokr_t2", Rank, Rank, 3, 3);
        float[] a2 = Add(ConvPath, "lokr_w2_a", Rank, Out / 4);
        float[] b2 = Add(ConvPath, "lokr_w2_b", Rank, ConvIn / 8);
        AddAlpha(ConvPath);
        AssertChange(ConvPath, (o, i, k) => Alpha / Rank * w1[o / 48 * 8 + i / 12]
            * Sum(Rank, x => Sum(Rank, y => core[(x * Rank + y) * Kernel + k] * b2[y * 12 + i % 12] * a2[x * 48 + o % 48])));
    }

    [Fact]
    public void A_whole_difference()
    {
        float[] difference = Add(ConvPath, "diff", Out, ConvIn, 3, 3);
        AssertChange(ConvPath, (o, i, k) => difference[(o * ConvIn + i) * Kernel + k]);
    }

    [Theory]
    [InlineData("dora_scale", ConvPath, true, Out)]
    [InlineData("dora_scale", ConvPath, true, Out, 1)]
    [InlineData("dora_scale", ConvPath, true, Out, 1, 1, 1)]
    [InlineData("dora_scale", ConvPath, false, 1, ConvIn)]
    [InlineData("dora_scale", ConvPath, false, 1, ConvIn, 1, 1)]
    [InlineData("dora_scale", SquarePath, true, Out)]
    [InlineData("dora_scale", SquarePath, true, Out, 1)]
    [InlineData("dora_scale", SquarePath, false, 1, Out)]
    [InlineData("dora_scale", SquarePath, false, 1, Out, 1, 1)]
    [InlineData("lora_magnitude_vector", ConvPath, true, Out)]
    [InlineData("lora_magnitude_vector", ConvPath, true, 1, Out, 1, 1)]
    [InlineData("lora_magnitude_vector.weight", SquarePath, true, 1, Out, 1, 1)]
    public void DoRA_gives_the_changed_weight_lengths_of_its_own(string name, string path, bool isOfRows, params int[] shape)
    {
        (AdaptableLayer layer, GraphInitializers graph) = Find(path);
        using (graph)
        {
            int inWidth = layer.InWidth;
            float[] up = Add(path, "lora_up.weight", Out, Rank, 1, 1);
            float[] down = Add(path, "lora_down.weight", Rank, inWidth, 3, 3);
            AddAlpha(path);
            float[] lengths = Add(path, name, shape);

            float[] weight = layer.ReadWeight();
            double Changed(int o, int i, int k) => weight[(o * inWidth + i) * Kernel + k]
                + Alpha / Rank * Sum(Rank, r => up[o * Rank + r] * down[(r * inWidth + i) * Kernel + k]);
            double[] norms = isOfRows
                ? [.. Enumerable.Range(0, Out).Select(o => Math.Sqrt(Sum(inWidth, i => Sum(Kernel, k => Square(Changed(o, i, k))))))]
                : [.. Enumerable.Range(0, inWidth).Select(i => Math.Sqrt(Sum(Out, o => Sum(Kernel, k => Square(Changed(o, i, k))))))];
            AssertChange(path, (o, i, k) => lengths[isOfRows ? o : i] * Changed(o, i, k) / norms[isOfRows ? o : i] - weight[(o * inWidth + i) * Kernel + k]);
        }
    }

    [Theory]
    [InlineData("dora_scale", LinearIn)]
    [InlineData("dora_scale", LinearIn, 1)]
    [InlineData("dora_scale", 1, Out)]
    [InlineData("dora_scale", 1, 1, LinearIn)]
    [InlineData("dora_scale", 2, LinearIn / 2, 1)]
    [InlineData("dora_scale", 2, Out / 2, 1)]
    [InlineData("dora_scale")]
    [InlineData("dora_scale", 1)]
    [InlineData("lora_magnitude_vector", LinearIn)]
    public void Lengths_of_a_shape_that_fits_neither_rows_nor_inputs_are_refused(string name, params int[] shape)
    {
        Add(LinearPath, "lora_up.weight", Out, Rank);
        Add(LinearPath, "lora_down.weight", Rank, LinearIn);
        Add(LinearPath, name, shape);

        using LoraFile file = LoraFile.Open(_tensors.Save(_folder));
        (AdaptableLayer layer, GraphInitializers graph) = Find(LinearPath);
        using (graph)
            Assert.Contains($".{name}' [{string.Join(',', shape)}]", Assert.Throws<AdapterInvalidException>(() => Assert.Single(file.Layers).Check(layer)).Message, StringComparison.Ordinal);
    }

    private static double Square(double value) => value * value;

    private static double Sum(int count, Func<int, double> term)
    {
        double sum = 0;
        for (int i = 0; i < count; i++)
            sum += term(i);
        return sum;
    }

    private float[] Add(string path, string ending, params int[] shape) => _tensors.Add($"lora_unet_{path}.{ending}", shape);

    private void AddAlpha(string path) => _tensors.AddNumber($"lora_unet_{path}.alpha", Alpha);

    private (AdaptableLayer Layer, GraphInitializers Graph) Find(string path)
    {
        GraphInitializers graph = Assert.IsType<GraphInitializers>(GraphInitializers.Open(Path.Combine(models.Demo, ModelParts.UNet, ModelParts.Graph)));
        return (AdaptableLayer.ListOf(graph)[path], graph);
    }

    private void AssertChange(string path, Change expected)
    {
        const double Strength = 0.7;
        using LoraFile file = LoraFile.Open(_tensors.Save(_folder));
        LoraLayer change = Assert.Single(file.Layers);
        (AdaptableLayer layer, GraphInitializers graph) = Find(path);
        using (graph)
        {
            change.Check(layer);
            float[] sum = change.Compute(file.File, layer, new Lazy<float[]>(layer.ReadWeight), Strength, TestContext.Current.CancellationToken);

            int kernel = layer.InnerCount / layer.InWidth;
            double worst = 0;
            double largest = 0;
            for (int i = 0; i < sum.Length; i++)
            {
                (int row, int rest) = Math.DivRem(i, layer.InnerCount);
                double value = Strength * expected(row, rest / kernel, rest % kernel);
                worst = Math.Max(worst, Math.Abs(value - sum[i]));
                largest = Math.Max(largest, Math.Abs(value));
            }

            Assert.True(largest > 0.01, "The expected change is next to nothing.");
            Assert.True(worst <= 1e-5 * largest, $"The change is off by {worst}, and its largest value is {largest}.");
        }
    }
}
