using StableDiffusion.Tests.Adapters;

namespace StableDiffusion.Tests.Module.Commands;

/// <summary>How outputs look in a console: a short table each, and never the numbers in it.</summary>
public sealed class ViewTests(SharedShell shell)
{
    [Fact]
    public async Task Each_output_is_a_table_of_a_line_a_piece()
    {
        using TemporaryFolder folder = new();
        LoraTensors style = new();
        style.Add("lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k.diff", 192, 128);
        style.Add("lora_te_text_model_encoder_layers_0_mlp_fc2.diff_b", 128);
        style.Add("lora_unet_elsewhere.diff", 2, 2);
        string lora = style.Save(folder, "style.safetensors");
        ShellProcess.Result result = await shell.Run($"""
            $null = Get-TextEmbedding a -Lora '{lora}:0.8:0' -WarningAction SilentlyContinue -InformationVariable told
            $report = $told.MessageData
            $embedding = Get-TextEmbedding 'a red house'
            $latent = $embedding | Invoke-Denoise -Seed 1 -Steps 2
            $image = $latent | ConvertFrom-Latent
            $model = Get-DiffusionModel demo
            $scheduler = Get-DiffusionScheduler 'Euler a'
            $device = Get-DiffusionDevice Cpu
            foreach ($output in $embedding, $latent, $image, $model, $scheduler, $device, $report) {'{'} $output, $output | Out-Host; '=====' {'}'}
            """);
        Assert.Equal(string.Empty, result.Errors);

        string[][] tables = [.. result.Output.Split("=====").Select(table => table.Split('\n').Where(line => line.Trim().Length > 0).ToArray()).Where(table => table.Length > 0)];
        Assert.Equal(7, tables.Length);
        string[][] words =
        [
            ["Tokens", "Prompt", "a red house", "[1,77,"],
            ["Shape", "Step", "[1,4,8,8]", "2/2", "DDIM", "a red house"],
            ["Size", "Seed", "64x64", "a red house"],
            ["Name", "Family", "Steps", "demo", "StableDiffusion1", "64x64"],
            ["Name", "Aliases", "Euler a", "True"],
            ["Name", "Available", "Cpu", "True"],
            ["Name", "Strength", "Text", "Applied", "Skipped", "Unmatched", "style", "0.8        0       1       1         1"],
        ];
        foreach ((string[] table, string[] expected) in tables.Zip(words))
        {
            // Two lines of heading and two equal rows.
            Assert.Equal(4, table.Length);
            Assert.Matches("^[- ]+$", table[1]);
            Assert.Equal(table[2], table[3]);
            string text = string.Join('\n', table);
            Assert.All(expected, word => Assert.Contains(word, text, StringComparison.Ordinal));
        }
    }
}
