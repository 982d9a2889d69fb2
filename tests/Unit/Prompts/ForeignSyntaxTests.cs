using StableDiffusion.Prompts;

namespace StableDiffusion.Tests.Prompts;

public sealed class ForeignSyntaxTests
{
    [Theory]
    [InlineData("a (red:1.4) house", "Weight", "(red:1.4)")]
    [InlineData("a (red house : -.5 )", "Weight", "(red house : -.5 )")]
    [InlineData("(cinema 4d:1.2)", "Weight", "(cinema 4d:1.2)")]
    [InlineData("(house:2)", "Weight", "(house:2)")]
    [InlineData("((masterpiece)), a house", "Weight", "((masterpiece))")]
    [InlineData("a house <lora:style:0.8>", "ExtraNetwork", "<lora:style:0.8>")]
    [InlineData("a house <hypernet:style:1>", "ExtraNetwork", "<hypernet:style:1>")]
    [InlineData("a [tree:house:0.5]", "Schedule", "[tree:house:0.5]")]
    [InlineData("a [tree::10]", "Schedule", "[tree::10]")]
    [InlineData("a [tree:0.5]", "Schedule", "[tree:0.5]")]
    [InlineData("a house BREAK on the grass", "Break", "BREAK")]
    [InlineData("a house AND a tree", "And", "AND")]
    public void What_another_tool_reads_is_found(string prompt, string kind, string text)
    {
        ForeignSyntax finding = Assert.Single(ForeignSyntax.Find(prompt));
        Assert.Equal((kind, text), (finding.Kind.ToString(), finding.Text));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a house (with a tree)")]
    [InlineData("paper of 16:9 (16:9), (scale 1:100)")]
    [InlineData("the station (at 7:05) [12:30]")]
    [InlineData("a sign that says [exit]: left")]
    [InlineData("a map <north>, a heart <3")]
    [InlineData("Q: who is (that: a cat)?")]
    [InlineData("a coffee break and a cake")]
    [InlineData("CATS AND DOGS, BREAK OF DAY")]
    [InlineData("(((")]
    [InlineData("[a:b:c]")]
    public void Plain_text_is_left_alone(string prompt) => Assert.Empty(ForeignSyntax.Find(prompt));

    [Fact]
    public void Each_kind_is_told_once()
    {
        Assert.Equal(
            [ForeignSyntaxKind.Weight, ForeignSyntaxKind.ExtraNetwork, ForeignSyntaxKind.Schedule, ForeignSyntaxKind.Break, ForeignSyntaxKind.And],
            ForeignSyntax.Find("(a:1.1) (b:1.2) <lora:x:1> <lora:y:1> [c:d:5] BREAK e AND f").Select(finding => finding.Kind));
    }
}
