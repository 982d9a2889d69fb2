using StableDiffusion.Adapters;
using StableDiffusion.Images;
using StableDiffusion.Metadata;
using StableDiffusion.Storage;
using StableDiffusion.Tests.Adapters;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>The less common kinds of LoRA, and block weights, on whole images.</summary>
public sealed class LoraKindTests : CommandTests
{
    private const string Linear = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k";
    private const string Convolution = "lora_unet_down_blocks_1_resnets_0_conv1";
    private const string Norm = "lora_unet_down_blocks_1_resnets_0_norm1";
    private const string Up = "lora_unet_up_blocks_1_attentions_1_transformer_blocks_0_attn2_to_v";
    private const string Text = "lora_te_text_model_encoder_layers_0_mlp_fc2";

    private readonly string? _loras = Environment.GetEnvironmentVariable(StorageFolders.LorasVariable);

    public LoraKindTests(CommandShell fixture)
        : base(fixture)
    {
        Directory.CreateDirectory(Folder["store"]);
        Environment.SetEnvironmentVariable(StorageFolders.LorasVariable, Folder["store"]);
    }

    public override void Dispose()
    {
        Environment.SetEnvironmentVariable(StorageFolders.LorasVariable, _loras);
        base.Dispose();
    }

    [Theory]
    [InlineData("GLoRA", Linear, "a1.weight:128,4 a2.weight:4,128 b1.weight:192,4 b2.weight:4,128")]
    [InlineData("GLoRA", Convolution, "a1.weight:96,4,1,1 a2.weight:4,96,1,1 b1.weight:192,4,1,1 b2.weight:4,96,3,3")]
    [InlineData("IA3", Linear, "weight:192 on_input:1")]
    [InlineData("IA3", Convolution, "weight:1,192,1,1 on_input:1")]
    [InlineData("norm", Norm, "w_norm:96 b_norm:96")]
    [InlineData("OFT", Linear, "oft_blocks:24,8,8 alpha:1")]
    [InlineData("OFT", Convolution, "oft_blocks:4,48,48")]
    [InlineData("OFT", Convolution, "oft_diag:24,8,8")]
    [InlineData("BOFT", Linear, "oft_blocks:6,32,6,6 rescale:192,1")]
    [InlineData("BOFT", Convolution, "oft_blocks:5,16,12,12")]
    public void A_kind_changes_the_image_unless_its_strength_is_0(string kind, string layer, string tensors)
    {
        LoraTensors lora = new();
        foreach (string[] tensor in tensors.Split(' ').Select(static tensor => tensor.Split(':')))
        {
            float[] values = lora.Add($"{layer}.{tensor[0]}", [.. tensor[1].Split(',').Select(int.Parse)]);
            if (tensor[0] == "on_input")
                Array.Clear(values);
        }

        lora.Save(Folder, Path.Combine("store", "kind.safetensors"));
        byte[] plain = Picture("New-DiffusionImage 'a red house' -Steps 2 -Seed 1").Pixels;
        Assert.Equal(plain, Picture("New-DiffusionImage 'a red house' -Steps 2 -Seed 1 -Lora kind:0").Pixels);
        Assert.NotEqual(plain, Picture("New-DiffusionImage 'a red house' -Steps 2 -Seed 1 -Lora kind -InformationVariable report").Pixels);
        AdapterKey key = Assert.Single(Assert.Single(RunWell("$report.MessageData").Values<AdapterReport>()).Keys);
        Assert.Equal((kind, AdapterKeyState.Applied), (key.Kind, key.State));
    }

    [Fact]
    public void Block_weights_choose_the_blocks_that_a_LoRA_changes()
    {
        SaveStyle();
        byte[] down = Picture("New-DiffusionImage 'a red house' -Steps 2 -Seed 1 -Lora down").Pixels;
        byte[] text = Picture("New-DiffusionImage 'a red house' -Steps 2 -Seed 1 -Lora text").Pixels;
        byte[] plain = Picture("New-DiffusionImage 'a red house' -Steps 2 -Seed 1").Pixels;

        // The layers are in IN04 and OUT04.
        Assert.Equal(down, Picture("New-DiffusionImage 'a red house' -Steps 2 -Seed 1 -Lora 'style;lbw=0,1,0,0,0,0,0,0,0,0,0,0'").Pixels);
        Assert.Equal(down, Picture("New-DiffusionImage 'a red house' -Steps 2 -Seed 1 -Lora 'style:0.5; lbw=0,2,0,0,0,0,0,0,0,0,0,0'").Pixels);
        Assert.Equal(down, Picture("New-DiffusionImage 'a red house<lora:style:1:lbw=0,0,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0>' -PromptSyntax A1111 -Steps 2 -Seed 1").Pixels);
        Assert.Equal(text, Picture("New-DiffusionImage 'a red house' -Steps 2 -Seed 1 -Lora @('style;lbw=OUTS', '')").Pixels);
        Assert.Equal(plain, Picture("New-DiffusionImage 'a red house' -Steps 2 -Seed 1 -Lora 'style:3;lbw=NONE'").Pixels);
        Assert.Equal(down, Picture("[pscustomobject]@{ Prompt = 'a red house'; Steps = 2; Seed = 1; Lora = 'style:3; lbw=NONE; style:0.5; lbw=0,2,0,0,0,0,0,0,0,0,0,0' } | New-DiffusionImage").Pixels);
        Assert.Equal(down, Picture(
            "Get-TextEmbedding 'a red house' -Lora 'style;lbw=0,1,0,0,0,0,0,0,0,0,0,0' | Export-TextEmbedding -Path a.safetensors; Import-TextEmbedding a.safetensors | Invoke-Denoise -Steps 2 -Seed 1 | ConvertFrom-Latent").Pixels);
        Assert.Equal(3, new[] { down, text, plain }.Select(Convert.ToHexString).Distinct().Count());
    }

    [Fact]
    public void An_image_with_block_weights_says_how_to_make_it_again()
    {
        const string Blocks = "1,0.5,0,0,0,0,0,0,0,0,1,0";
        SaveStyle();
        DiffusionImage first = Picture($"New-DiffusionImage 'a red house' -Lora 'style:0.5:0.25;lbw={Blocks}; down;lbw=INALL' -Steps 2 -Seed 1 -OutFile first.png");
        Assert.Equal(first.Pixels, Picture("Get-DiffusionMetadata first.png | New-DiffusionImage").Pixels);
        Assert.Equal(first.Pixels, Picture("$script = Get-DiffusionMetadata first.png | ConvertTo-DiffusionScript; & ([scriptblock]::Create($script))").Pixels);

        DiffusionImage second = Picture($"New-DiffusionImage 'a red house' -Lora 'style;lbw={Blocks}' -Steps 2 -Seed 1 -OutFile second.png");
        Assert.Equal(second.Pixels, Picture("$script = Get-DiffusionMetadata second.png | ConvertTo-DiffusionScript; & ([scriptblock]::Create($script))").Pixels);

        ImageMetadata metadata = Assert.Single(RunWell("Get-DiffusionMetadata first.png").Values<ImageMetadata>());
        Assert.Equal(["down:1;lbw=INALL", $"style:0.5:0.25;lbw={Blocks}"], metadata.Lora);
        Assert.StartsWith(
            $"a red house <lora:down:1:lbw=INALL> <lora:style:0.25:0.5:lbw={Blocks}>\n",
            metadata.Entries.Single(entry => entry.Keyword == "parameters").Text,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-Lora 'style;lbw=XYZ'", "no block weights 'XYZ'")]
    [InlineData("-Lora 'style;lbw=1,0'", "12, 17, 20 or 26")]
    [InlineData("-PromptSyntax A1111 -Prompt 'a<lora:style:1:lbw=XYZ>'", "no block weights 'XYZ'")]
    [InlineData("-Lora 'lbw=ALL'", "does not name a LoRA")]
    public void Wrong_block_weights_are_an_error_of_the_record(string arguments, string reason)
    {
        SaveStyle();
        string prompt = arguments.Contains("-Prompt ", StringComparison.Ordinal) ? string.Empty : "'a red house' ";
        ShellResult result = Run($"New-DiffusionImage {prompt}{arguments} -Steps 1 -Seed 1");
        System.Management.Automation.ErrorRecord error = Assert.Single(result.Errors);
        Assert.StartsWith("LoraInvalid", error.FullyQualifiedErrorId, StringComparison.Ordinal);
        Assert.Contains(reason, error.Exception.Message, StringComparison.Ordinal);
    }

    private void SaveStyle()
    {
        LoraTensors style = new(), down = new(), text = new();
        float[] values = style.Add($"{Linear}.diff", 192, 128);
        values.CopyTo(down.Add($"{Linear}.diff", 192, 128), 0);
        down.Save(Folder, Path.Combine("store", "down.safetensors"));
        style.Add($"{Up}.diff", 96, 128);
        style.Add($"{Text}.diff_b", 128).CopyTo(text.Add($"{Text}.diff_b", 128), 0);
        text.Save(Folder, Path.Combine("store", "text.safetensors"));
        style.Save(Folder, Path.Combine("store", "style.safetensors"));
    }
}
