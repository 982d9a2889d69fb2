using StableDiffusion.Adapters;
using StableDiffusion.Networks;

namespace StableDiffusion.Tests.Adapters;

/// <summary>Files of the less common kinds of LoRA with a model: tensors that do not fit, of which each error names one, and sets of them.</summary>
public sealed class LoraKindPlanTests(SharedModels models) : IDisposable
{
    private const string Layer = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k";
    private const int Out = 192;
    private const int In = 128;

    private readonly TemporaryFolder _folder = new();
    private readonly LoraTensors _tensors = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("lora_up.weight:192,4 lora_down.weight:4,128 hada_w1_a:192,4", "hada_w1_a")]
    [InlineData("lora_up.weight:192,4 lora_down.weight:4,128 diff:192,128", "diff")]
    [InlineData("diff:192,128 w_norm:192", "w_norm")]
    [InlineData("diff_b:192 b_norm:192", "b_norm")]
    [InlineData("oft_blocks:48,4,4 oft_diag:48,4,4", "oft_diag")]
    [InlineData("weight:192 on_input:1 oft_blocks:48,4,4", "oft_blocks")]
    [InlineData("a1.weight:128,4 a2.weight:4,128 b1.weight:192,4 b2.weight:5,128", "b2.weight")]
    [InlineData("a1.weight:128,4 a2.weight:4,127 b1.weight:192,4 b2.weight:4,128", "a2.weight")]
    [InlineData("weight:192 on_input:2", "on_input")]
    [InlineData("weight:12,16 on_input:1", "weight")]
    [InlineData("oft_blocks:48,4,5", "oft_blocks")]
    [InlineData("oft_blocks:192,4", "oft_blocks")]
    [InlineData("oft_blocks:0,4,4", "oft_blocks")]
    [InlineData("oft_diag:1,48,4,4", "oft_diag")]
    [InlineData("oft_blocks:2,64,3,3", "oft_blocks")]
    [InlineData("oft_blocks:8,48,4,4", "oft_blocks")]
    [InlineData("oft_blocks:48,4,4 rescale:191,1", "rescale")]
    [InlineData("oft_blocks:48,4,4 rescale:1,192", "rescale")]
    [InlineData("oft_blocks:48,4,4 dora_scale:192,1", "dora_scale")]
    [InlineData("weight:192 on_input:1 dora_scale:192,1", "dora_scale")]
    [InlineData("lora_up.weight:192,4 lora_down.weight:4,128 lora_A.weight:4,128", "lora_A.weight")]
    [InlineData("lokr_w1:8,4 lokr_w1_a:8,2 lokr_w1_b:2,4 lokr_w2:24,32", "lokr_w1_a")]
    public void Tensors_that_do_not_fit_together_are_a_damaged_file(string tensors, string named)
    {
        Add(tensors);
        string path = _tensors.Save(_folder);
        string message = Assert.Throws<AdapterInvalidException>(() => LoraFile.Open(path)).Message;
        Assert.Contains($"'{Layer}.{named}'", message, StringComparison.Ordinal);
        Assert.Contains(path, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("lora_unet_x.lora_up.weight_scale")]
    [InlineData("unet.x.scale_weight")]
    [InlineData("scaled_fp8")]
    public void Values_with_scales_are_refused(string scale)
    {
        _tensors.Add("unet.x.diff", 192, 128);
        _tensors.AddNumber(scale, 2);
        string path = _tensors.Save(_folder);
        Assert.Contains($"'{scale}'", Assert.Throws<AdapterInvalidException>(() => LoraFile.Open(path)).Message, StringComparison.Ordinal);
        Assert.Contains($"'{scale}'", Assert.Throws<AdapterInvalidException>(() => TextualInversionFile.Load(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_layer_under_two_names_is_a_damaged_file()
    {
        _tensors.Add("lora_unet_mid_block_attentions_0_proj_in.diff", 192, 128);
        _tensors.Add("unet.mid_block.attentions.0.proj_in.diff", 192, 128);
        Assert.Contains("under two names", Assert.Throws<AdapterInvalidException>(() => LoraFile.Open(_tensors.Save(_folder))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_can_be_used_twice_with_other_block_weights()
    {
        Add("weight:192 on_input:1");
        string path = _tensors.Save(_folder);
        Lora[] loras = [new Lora(path, 0.5) { BlockWeights = BlockWeights.Parse("MIDD") }, new Lora(path), new Lora(path, 0.25) { BlockWeights = BlockWeights.Parse("MIDD") }];

        AdapterSet set = AdapterSet.Create(loras);
        Assert.Equal([$"{path}:1", $"{path}:0.75;lbw=MIDD"], set.Loras.Select(static lora => lora.ToString()));
        Assert.Equal(set, AdapterSet.Create(loras.Reverse()));
        Assert.NotEqual(set, AdapterSet.Create([loras[1], loras[0] with { Strength = 0.75, BlockWeights = BlockWeights.Parse("INS") }]));
        Assert.Matches("^test: [0-9a-f]{12}$", set.Hashes);

        // The layer is in IN04, which MIDD leaves out.
        Assert.Equal([1, 0], AdapterPlan.Make(models.Demo, set, "demo").Reports.Select(static report => report.Applied));
    }

    [Theory]
    [InlineData("a1.weight:127,4 a2.weight:4,127 b1.weight:192,4 b2.weight:4,127", "[192,127]")]
    [InlineData("a1.weight:64,4 a2.weight:4,64 b1.weight:192,4 b2.weight:4,128", "[192,128]")]
    [InlineData("weight:191 on_input:1", "[191,*]")]
    [InlineData("oft_blocks:47,4,4", "[188,*]")]
    [InlineData("oft_diag:4,4,4", "[16,*]")]
    [InlineData("oft_blocks:1,32,8,8", "[256,*]")]
    public void A_change_of_another_shape_does_not_fit_the_model(string tensors, string shape)
    {
        Add(tensors);
        string message = Assert.Throws<AdapterInvalidException>(() => Plan()).Message;
        Assert.Contains($"as a weight of {shape}, but the model's is [{Out},{In}]", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("diff:96,3,3,4", "[96,3,3,4]")]
    [InlineData("lora_up.weight:96,2 lora_down.weight:2,3,3,4", "[2,3,3,4]")]
    [InlineData("lora_up.weight:96,2,1,1 lora_down.weight:2,9,4", "[2,9,4]")]
    [InlineData("diff_b:12,8", "[12,8]")]
    public void A_change_of_as_many_values_on_other_axes_does_not_fit_a_convolution(string tensors, string shape)
    {
        foreach (string[] tensor in tensors.Split(' ').Select(static tensor => tensor.Split(':')))
            _tensors.Add($"lora_unet_conv_in.{tensor[0]}", [.. tensor[1].Split(',').Select(static length => int.Parse(length, System.Globalization.CultureInfo.InvariantCulture))]);
        Assert.Contains(shape, Assert.Throws<AdapterInvalidException>(() => Plan()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("oft_blocks:48,4,4", "oft_blocks", float.NaN)]
    [InlineData("oft_blocks:48,4,4", "oft_blocks", float.PositiveInfinity)]
    [InlineData("oft_blocks:64,3,3", "oft_blocks", 1e6f)]
    [InlineData("oft_blocks:2,96,2,2", "oft_blocks", float.NaN)]
    [InlineData("oft_blocks:48,4,4 alpha:1", "alpha", float.NaN)]
    public void Blocks_that_give_no_rotations_are_refused(string tensors, string named, float value)
    {
        Add(tensors, named, value);
        AdapterPlan plan = Plan();
        string message = Assert.Throws<AdapterInvalidException>(() => Merge(plan)).Message;
        Assert.Contains($"The tensor '{Layer}.{named}' of the LoRA '{_folder["test.safetensors"]}' gives no rotations", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a1.weight:128,4 a2.weight:4,128 b1.weight:192,4 b2.weight:4,128", "a2.weight", float.NaN)]
    [InlineData("weight:192 on_input:1", "weight", float.PositiveInfinity)]
    [InlineData("oft_diag:48,4,4", "oft_diag", 1e38f)]
    [InlineData("oft_blocks:48,4,4 rescale:192,1", "rescale", float.NaN)]
    public void Values_that_no_network_can_use_are_refused(string tensors, string named, float value)
    {
        Add(tensors, named, value);
        AdapterPlan plan = Plan();
        Assert.Contains("far too large", Assert.Throws<AdapterInvalidException>(() => Merge(plan)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a1.weight:128,4 a2.weight:4,128 b1.weight:192,4 b2.weight:4,128")]
    [InlineData("oft_blocks:1,192,192")]
    [InlineData("oft_blocks:6,32,6,6")]
    public void A_computation_can_be_cancelled(string tensors)
    {
        Add(tensors);
        using LoraFile file = LoraFile.Open(_tensors.Save(_folder));
        LayerChange change = Assert.Single(file.Layers).Change!;
        Assert.ThrowsAny<OperationCanceledException>(() => change.Compute(file.File, new ChangedWeight(new Lazy<float[]>(new float[Out * In]), Out, In, In, Strength: 1), new CancellationToken(canceled: true)));
    }

    [Fact]
    public void A_huge_rank_of_GLoRA_takes_no_more_memory_than_the_file_and_the_layer()
    {
        // W·a1 would have 3e9 values, more than an array can have.
        const int Rank = 10_000, OutWidth = 100, InWidth = 2, Places = 3000;
        foreach ((string name, int rows, int columns) in ((string, int, int)[])[("a1", InWidth, Rank), ("a2", Rank, InWidth), ("b1", OutWidth, Rank), ("b2", Rank, InWidth * Places)])
            Array.Fill(_tensors.Add($"{Layer}.{name}.weight", rows, columns), name[0] == 'a' ? 1 : 0);
        using LoraFile file = LoraFile.Open(_tensors.Save(_folder));
        float[] weight = [.. Enumerable.Range(0, OutWidth * InWidth * Places).Select(static i => (float)(i % 3))];

        float[] change = Assert.Single(file.Layers).Change!.Compute(file.File, new ChangedWeight(new Lazy<float[]>(weight), OutWidth, InWidth, weight.Length / OutWidth, Strength: 1), TestContext.Current.CancellationToken);

        foreach ((int row, int place) in ((int, int)[])[(0, 0), (57, 1234), (OutWidth - 1, Places - 1)])
        {
            int first = row * InWidth * Places + place;
            Assert.Equal(Rank * (weight[first] + weight[first + Places]), change[first]);
            Assert.Equal(change[first], change[first + Places]);
        }
    }

    private void Add(string tensors, string? named = null, float value = 0)
    {
        foreach (string[] tensor in tensors.Split(' ').Select(static tensor => tensor.Split(':')))
        {
            float[] values = _tensors.Add($"{Layer}.{tensor[0]}", [.. tensor[1].Split(',').Select(int.Parse)]);
            if (tensor[0] == "on_input")
                Array.Clear(values);
            if (tensor[0] == named)
                values[Math.Max(0, values.Length - 2)] = value;
        }
    }

    private AdapterPlan Plan() => AdapterPlan.Make(models.Demo, AdapterSet.Create([new Lora(_tensors.Save(_folder))]), "demo");

    private void Merge(AdapterPlan plan) =>
        plan.Merge(ModelParts.UNet, Path.Combine(models.Demo, ModelParts.UNet, ModelParts.Graph), TestContext.Current.CancellationToken)?.Dispose();
}
