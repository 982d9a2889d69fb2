using StableDiffusion.Adapters;
using StableDiffusion.Families.Keys;
using StableDiffusion.Networks;

namespace StableDiffusion.Tests.Adapters;

/// <summary>Block weights as sd-webui-lora-block-weight has them (scripts/lora_block_weight.py: BLOCKID12 to BLOCKID26, DEF_WEIGHT_PRESET).</summary>
public sealed class BlockWeightsTests
{
    private static readonly string[] s_names =
    [
        "BASE", .. Enumerable.Range(0, 12).Select(static i => $"IN{i:00}"), "M00", .. Enumerable.Range(0, 12).Select(static i => $"OUT{i:00}"),
    ];

    [Theory]
    [InlineData("BASE IN04 IN05 IN07 IN08 M00 OUT00 OUT01 OUT02 OUT03 OUT04 OUT05")]
    [InlineData("BASE IN01 IN02 IN04 IN05 IN07 IN08 M00 OUT03 OUT04 OUT05 OUT06 OUT07 OUT08 OUT09 OUT10 OUT11")]
    [InlineData("BASE IN00 IN01 IN02 IN03 IN04 IN05 IN06 IN07 IN08 M00 OUT00 OUT01 OUT02 OUT03 OUT04 OUT05 OUT06 OUT07 OUT08")]
    [InlineData("BASE IN00 IN01 IN02 IN03 IN04 IN05 IN06 IN07 IN08 IN09 IN10 IN11 M00 OUT00 OUT01 OUT02 OUT03 OUT04 OUT05 OUT06 OUT07 OUT08 OUT09 OUT10 OUT11")]
    public void A_list_holds_the_blocks_of_its_length_and_0_for_the_others(string blocks)
    {
        string[] names = blocks.Split(' ');
        BlockWeights weights = BlockWeights.Parse(string.Join(", ", names.Select(static (_, i) => $"{i + 1}.5")));
        Assert.Equal(s_names.Select(name => Array.IndexOf(names, name) is >= 0 and int i ? i + 1.5 : 0), weights.Values);
        Assert.Equal(weights, BlockWeights.Parse(weights.ToString()));
    }

    [Theory]
    [InlineData("NONE", "")]
    [InlineData("ALL", "BASE IN01 IN02 IN04 IN05 IN07 IN08 M00 OUT03 OUT04 OUT05 OUT06 OUT07 OUT08 OUT09 OUT10 OUT11")]
    [InlineData("INS", "BASE IN01 IN02 IN04")]
    [InlineData("IND", "BASE IN05 IN07 IN08")]
    [InlineData("INALL", "BASE IN01 IN02 IN04 IN05 IN07 IN08")]
    [InlineData("MIDD", "BASE IN05 IN07 IN08 M00 OUT03 OUT04 OUT05 OUT06")]
    [InlineData("OUTD", "BASE OUT03 OUT04 OUT05 OUT06")]
    [InlineData("OUTS", "BASE OUT07 OUT08 OUT09 OUT10 OUT11")]
    [InlineData("OUTALL", "BASE OUT03 OUT04 OUT05 OUT06 OUT07 OUT08 OUT09 OUT10 OUT11")]
    public void A_preset_is_1_in_its_blocks(string preset, string blocks)
    {
        BlockWeights weights = BlockWeights.Parse($" {preset} ");
        Assert.Equal(blocks, string.Join(' ', s_names.Where((_, i) => weights.Values[i] == 1)));
        Assert.Equal(26 - weights.Values.Count(static value => value == 1), weights.Values.Count(static value => value == 0));
        Assert.Equal(preset, weights.ToString());
    }

    [Theory]
    [InlineData("1,1", "2 numbers. Give 12, 17, 20 or 26 numbers")]
    [InlineData("1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1", "18 numbers. Give 12, 17, 20 or 26 numbers")]
    [InlineData("XYZ", "no block weights 'XYZ'. Give 12, 17, 20 or 26 numbers with commas between them, or a preset: NONE, ALL, INS")]
    [InlineData("all", "no block weights 'all'")]
    [InlineData("", "no block weights ''")]
    [InlineData("0.5", "no block weights '0.5'")]
    [InlineData("1,1,1,1,1,1,1,1,1,1,1,R", "'R' in the block weights")]
    [InlineData("1,1,1,1,1,1,1,1,1,1,1,", "'' in the block weights")]
    [InlineData("1,1,1,1,1,1,1,1,1,1,1,NaN", "'NaN' in the block weights")]
    [InlineData("1,1,1,1,1,1,1,1,1,1,1,101", "'101' in the block weights")]
    public void What_are_no_block_weights_is_refused(string text, string reason)
    {
        InvalidSettingException error = Assert.Throws<InvalidSettingException>(() => BlockWeights.Parse(text));
        Assert.Equal("Lora", error.Setting);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    // The layers with the names that the extension looks for, input_blocks_4_ and so on.
    [Theory]
    [InlineData("input_blocks.0.0.weight", "IN00")]
    [InlineData("input_blocks.1.0.in_layers.2.weight", "IN01")]
    [InlineData("input_blocks.2.1.proj_in.weight", "IN02")]
    [InlineData("input_blocks.3.0.op.weight", "IN03")]
    [InlineData("input_blocks.4.1.transformer_blocks.0.attn1.to_q.weight", "IN04")]
    [InlineData("input_blocks.11.0.out_layers.3.weight", "IN11")]
    [InlineData("middle_block.0.in_layers.2.weight", "M00")]
    [InlineData("middle_block.1.proj_out.weight", "M00")]
    [InlineData("output_blocks.0.0.in_layers.0.weight", "OUT00")]
    [InlineData("output_blocks.2.1.conv.weight", "OUT02")]
    [InlineData("output_blocks.5.2.conv.weight", "OUT05")]
    [InlineData("output_blocks.3.1.transformer_blocks.0.ff.net.2.weight", "OUT03")]
    [InlineData("output_blocks.11.1.proj_out.weight", "OUT11")]
    public void A_layer_has_the_weight_of_its_block(string name, string block)
    {
        UNetKeys keys = UNetKeys.OfLayers(2);
        string path = Assert.IsType<string>(keys.ToDiffusers(name))[..^".weight".Length];
        BlockWeights weights = BlockWeights.Parse(string.Join(',', s_names.Select((_, i) => i + 1)));
        Assert.Equal(Array.IndexOf(s_names, block) + 1, weights.For(ModelParts.UNet, path, keys));
    }

    [Theory]
    [InlineData(ModelParts.TextEncoder, "text_model.encoder.layers.0.mlp.fc1", 1)]
    [InlineData(ModelParts.TextEncoder2, "text_model.encoder.layers.0.mlp.fc1", 1)]
    [InlineData(ModelParts.UNet, "time_embedding.linear_1", -1)]
    [InlineData(ModelParts.UNet, "conv_out", -1)]
    [InlineData(ModelParts.UNet, "down_blocks.4.resnets.0.conv1", 0)]
    public void Text_encoders_have_the_weight_of_the_base_and_other_layers_1(string part, string path, double expected)
    {
        BlockWeights weights = BlockWeights.Parse(string.Join(',', s_names.Select((_, i) => i + 1)));
        Assert.Equal(Math.Abs(expected), weights.For(part, path, UNetKeys.OfLayers(2)));
    }

    [Theory]
    [InlineData("style;lbw=MIDD", "style", 1.0, null, "MIDD")]
    [InlineData("style:0.5:0.25; lbw=NONE", "style", 0.5, 0.25, "NONE")]
    [InlineData("/a;b/style.safetensors:0.5;lbw=1,0,0,0,0,0,0,0,0,0,0,0.5", "/a;b/style.safetensors", 0.5, null, "1,0,0,0,0,0,0,0,0,0,0,0.5")]
    [InlineData("/a;b/style.safetensors:0.5", "/a;b/style.safetensors", 0.5, null, null)]
    public void A_LoRA_is_read_and_written_with_its_block_weights(string text, string name, double strength, double? textStrength, string? blocks)
    {
        Lora lora = Lora.Parse(text, static found => new Lora(found));
        Assert.Equal(new Lora(name, strength, textStrength) { BlockWeights = blocks is null ? null : BlockWeights.Parse(blocks) }, lora);
        Assert.Equal(lora, Lora.Parse(lora.ToString(), static found => new Lora(found)));
    }

    [Fact]
    public void Block_weights_without_a_LoRA_are_refused() =>
        Assert.Contains("does not name a LoRA", Assert.Throws<InvalidSettingException>(() => Lora.Parse(";lbw=MIDD", static found => new Lora(found))).Message, StringComparison.Ordinal);
}
