using System.Text;
using StableDiffusion.Hub;

namespace StableDiffusion.Tests.Hub;

/// <summary>The links to the next page of a listing.</summary>
public sealed class LinkHeaderTests
{
    [Theory]
    [InlineData("", null)]
    [InlineData("</a>", null)]
    [InlineData("</a>; rel=\"next\"", "/a")]
    [InlineData("</a>;REL=Next", "/a")]
    [InlineData(" , <https://host/a?b=1,2;3> ; title=\"x, <y>; rel=next\\\"\" ; rel=\"last next\" ,", "https://host/a?b=1,2;3")]
    [InlineData("</a>; rel=\"prev\", </b>; rel=\"next\", </c>; rel=\"next\"", "/b")]
    [InlineData("</a>; rel=\"nextfile\"; title=next", null)]
    public void The_link_to_the_next_page_is_found(string header, string? expected)
    {
        Assert.True(LinkHeader.TryFindNext(header, out string? next));
        Assert.Equal(expected, next);
    }

    [Theory]
    [InlineData("next")]
    [InlineData("</a; rel=\"next\"")]
    [InlineData("</a>; rel=\"next")]
    [InlineData("</a>; rel=\"next\\")]
    [InlineData("</a>; rel=last, /b; rel=next")]
    public void A_malformed_header_is_not_taken_for_the_last_page(string header) => Assert.False(LinkHeader.TryFindNext(header, out _));

    [Theory]
    [InlineData("<>;rel=")]
    [InlineData("<>;re,")]
    [InlineData("<>;rel=\"")]
    [InlineData("<")]
    [InlineData("<>;rel=\"a\\,")]
    public void The_time_grows_with_the_length_alone(string part) => LinkHeader.TryFindNext(new StringBuilder().Insert(0, part, 1_000_000).ToString(), out _);
}
