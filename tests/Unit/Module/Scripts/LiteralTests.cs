using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using SdPowerShell.Scripts;

namespace StableDiffusion.Tests.Module.Scripts;

/// <summary>Whatever a text contains, PowerShell reads it back as that text and runs nothing.</summary>
public sealed class LiteralTests
{
    public static TheoryData<string> Texts =>
    [
        "a red house", "it's", "‘quoted’ ‚text‛", "'; Remove-Item x; '", "$(1 + 1) `$a \"b\"", "two\nlines\tand a tab", "\u001b[31mred\u0007", "\u202Eback", "", "#comment", "😀 ûñí", "\ud800",
    ];

    [Theory]
    [MemberData(nameof(Texts))]
    public void A_text_is_read_back(string text) => Assert.Equal(text, Assert.Single(Run(Literal.Of(text))).BaseObject);

    [Fact]
    public void Values_are_read_back()
    {
        Assert.Equal(0.1, Assert.Single(Run(Literal.Of(0.1))).BaseObject);
        Assert.Equal(long.MaxValue, Assert.Single(Run(Literal.Of(long.MaxValue))).BaseObject);
        Assert.Equal(true, Assert.Single(Run(Literal.Of(true))).BaseObject);
        Assert.Equal(["a'b", "c"], Run(Literal.Of(new[] { "a'b", "c" })).Select(static item => item.BaseObject));
        Hashtable options = (Hashtable)Assert.Single(Run(Literal.Of(new Dictionary<string, object?> { ["it's"] = "x", ["list"] = new object[] { 1, 2 } }))).BaseObject;
        Assert.Equal("x", options["it's"]);
        Assert.Equal(new object[] { 1, 2 }, options["list"]);
    }

    private static IReadOnlyList<PSObject> Run(string script)
    {
        using PowerShell shell = PowerShell.Create(InitialSessionState.CreateDefault2());
        return shell.AddScript(script).Invoke();
    }
}
