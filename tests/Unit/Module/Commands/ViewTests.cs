namespace StableDiffusion.Tests.Module.Commands;

/// <summary>How outputs look in a console: a short table each, and never the numbers in it.</summary>
public sealed class ViewTests
{
    [Fact]
    public async Task Each_output_is_a_table_of_a_line_a_piece()
    {
        ShellProcess.Result result = await ShellProcess.Run($"""
            $embedding = Get-TextEmbedding 'a red house'
            $latent = $embedding | Invoke-Denoise -Seed 1 -Steps 2
            $image = $latent | ConvertFrom-Latent
            $model = Get-DiffusionModel demo
            $scheduler = Get-DiffusionScheduler 'Euler a'
            $device = Get-DiffusionDevice Cpu
            foreach ($output in $embedding, $latent, $image, $model, $scheduler, $device) {'{'} $output, $output | Out-Host; '=====' {'}'}
            """);
        Assert.Equal(string.Empty, result.Errors);

        string[][] tables = [.. result.Output.Split("=====").Select(table => table.Split('\n').Where(line => line.Trim().Length > 0).ToArray()).Where(table => table.Length > 0)];
        Assert.Equal(6, tables.Length);
        string[][] words =
        [
            ["Tokens", "Prompt", "a red house", "[1,77,"],
            ["Shape", "Step", "[1,4,8,8]", "2/2", "DDIM", "a red house"],
            ["Size", "Seed", "64x64", "a red house"],
            ["Name", "Steps", "demo", "64x64", "DDIM"],
            ["Name", "Aliases", "Euler a", "True"],
            ["Name", "Available", "Cpu", "True"],
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
