BeforeAll {
    . "$PSScriptRoot/common.ps1"
    $image = New-DiffusionImage 'a red house on the grass' -Seed 1 -Steps 5
    $image | Export-DiffusionReport "$TestDrive/house.html"
    $page = Get-Content -Raw "$TestDrive/house.html"
}

Describe 'Export-DiffusionReport' {
    It 'writes a page that refers to nothing else' {
        $page | Should -Match '^<!DOCTYPE html>'
        $page | Should -Match "default-src 'none'"
        [regex]::Matches($page, '(?:src|href|data-map)="(?<address>[^"]*)"') |
            ForEach-Object { $_.Groups['address'].Value } | Should -Match '^data:'
        $page | Should -Not -Match '(?i)https?://|url\('
    }

    It 'shows the tokens with maps, a frame for each step, the plots and the script' {
        $tokens = [regex]::Matches($page, '<li[^>]*data-map="data:image[^"]+"[^>]*><b>(?<text>[^<]+)</b>')
        $tokens | ForEach-Object { $_.Groups['text'].Value } | Should -Be 'a', 'red', 'house', 'on', 'the', 'grass'
        [regex]::Matches($page, '<figure data-step="\d+" data-of="5">').Count | Should -Be 5
        [regex]::Matches($page, '<svg ').Count | Should -BeGreaterOrEqual 2
        [regex]::Matches($page, 'Channel \d:|channel \d:').Count | Should -BeGreaterOrEqual 4
        $page | Should -Match 'has the same pixels'
        $script = [Net.WebUtility]::HtmlDecode([regex]::Match($page, '(?s)<pre[^>]*>(.*?)</pre>').Groups[1].Value)
        $made = & ([scriptblock]::Create($script))
        (Compare-DiffusionImage $made $image).LargestDifference | Should -Be 0
    }

    It 'shows the latent that was decoded, and says whose steps a merged one has' {
        $text = Get-TextEmbedding 'a red house'
        $merged = 1, 4 | ForEach-Object { Invoke-Denoise $text -Seed $_ -Steps 2 } | Merge-Latent
        $merged | ConvertFrom-Latent | Export-DiffusionReport "$TestDrive/merged.html"
        $shown = [Net.WebUtility]::HtmlDecode((Get-Content -Raw "$TestDrive/merged.html"))
        $shown | Should -Match 'merged from several\. .* the last of 2 denoisings'
        $page | Should -Not -Match 'merged from several'
        foreach ($channel in $merged | Split-Latent) {
            $shown | Should -Match ([regex]::Escape("$channel"))
        }

        # The last denoising of these made the whole latent.
        $merged | ConvertFrom-Latent | Export-DiffusionImage "$TestDrive/both.png"
        New-DiffusionImage 'a red house' -InitImage "$TestDrive/both.png" -Seed 3 -Steps 2 | Export-DiffusionReport "$TestDrive/begun.html" -InitImage "$TestDrive/both.png"
        New-DiffusionImage 'a red house' -InitImage ($merged | ConvertFrom-Latent) -Seed 3 -Steps 2 | Export-DiffusionReport "$TestDrive/object.html"
        Invoke-Denoise $text -Latent $merged -Strength 0.5 -Seed 3 -Steps 4 | ConvertFrom-Latent | Export-DiffusionReport "$TestDrive/further.html"
        'begun', 'object', 'further' | ForEach-Object { Get-Content -Raw "$TestDrive/$_.html" | Should -Not -Match 'merged from several' }
        Remove-Item "$TestDrive/object.html"
    }

    It 'says how much each prompt of a merge weighs' {
        $house, $tree, $boat = 'a house', 'a tree', 'a boat' | Get-TextEmbedding
        $mean = Merge-TextEmbedding $house, $tree, $boat -Weight 2, 1, 1
        $negative = Merge-TextEmbedding $boat, $tree -Ratio 0.1
        $one = Invoke-Denoise $mean -NegativeEmbedding $negative -Seed 1 -Steps 1
        $one | ConvertFrom-Latent | Export-DiffusionReport "$TestDrive/weights.html"
        [regex]::Matches((Get-Content -Raw "$TestDrive/weights.html"), '<h3>(.*?)</h3>').ForEach{ $_.Groups[1].Value } | Should -Be @(
            'One of the prompts, weight 0.5', 'One of the prompts, weight 0.25; one of the negative prompts, weight 0.1', 'One of the prompts, weight 0.25; one of the negative prompts, weight 0.9')
        $one, (Invoke-Denoise $boat -Seed 1 -Steps 1) | Merge-Latent -Ratio 0.6 | ConvertFrom-Latent | Export-DiffusionReport "$TestDrive/weights.html" -Force
        [regex]::Matches((Get-Content -Raw "$TestDrive/weights.html"), '<h3>((?:One|No) .*?weight 0\.\d+)').ForEach{ $_.Groups[1].Value } | Should -Be @(
            'One of the prompts, weight 0.2', 'One of the prompts, weight 0.1', 'One of the prompts, weight 0.7', 'No negative prompt, weight 0.6')
    }

    It 'stays below 3 MB for a long prompt, with the map of each word at the word' {
        $long = ('a red house on the grass and a blue boat on the sea ' * 41).Trim()
        New-DiffusionImage $long -PromptSyntax A1111 -Seed 1 -Steps 1 | Export-DiffusionReport "$TestDrive/long.html"
        (Get-Item "$TestDrive/long.html").Length | Should -BeLessThan 3MB
        $items = [regex]::Matches((Get-Content -Raw "$TestDrive/long.html"), '<li[^>]*data-text="[^"]*&#39;(?<map>[^&]+)&#39;"[^>]*><b>(?<text>[^<]+)</b>')
        $items.Count | Should -BeGreaterThan 500
        @($items | Where-Object { $_.Groups['map'].Value -cne $_.Groups['text'].Value }) | Should -HaveCount 0
    }

    It 'names the negative prompt' {
        New-DiffusionImage 'a house' -NegativePrompt 'a red tree' -Seed 1 -Steps 2 | Export-DiffusionReport "$TestDrive/negative.html"
        Get-Content -Raw "$TestDrive/negative.html" | Should -Match '<h3>Negative prompt</h3><ol class="tokens"><li><b>a</b>'
    }

    It 'is well-formed, and is not changed by a prompt with markup' {
        New-DiffusionImage '<script>alert(1)</script> & "house"' -Seed 1 -Steps 2 | Export-DiffusionReport "$TestDrive/markup.html"
        $markup = Get-Content -Raw "$TestDrive/markup.html"
        $markup | Should -Not -Match '<script>alert'
        $markup | Should -Match '&lt;script&gt;alert\(1\)'
    }

    It 'names pages after files, and says that a page is there' {
        $image | Export-DiffusionImage "$TestDrive/made.png"
        $file = Get-Item "$TestDrive/made.png" | Export-DiffusionReport -OutDirectory "$TestDrive/pages" -PassThru
        $file.Name | Should -Be 'made.html'
        { Get-Item "$TestDrive/made.png" | Export-DiffusionReport $file.FullName -ErrorAction Stop } | Should -Throw -ErrorId 'FileExists,*'
        Get-Item "$TestDrive/made.png" | Export-DiffusionReport $file.FullName -Force
    }

    It 'takes the image and the page by their places, as file or object' {
        $image | Export-DiffusionImage "$TestDrive/placed.png"
        $one = Export-DiffusionReport "$TestDrive/placed.png" "$TestDrive/placed.html" -PassThru
        $one.Name | Should -Be placed.html
        (Export-DiffusionReport $image "$TestDrive/object.html" -PassThru).Name | Should -Be object.html
        (Export-DiffusionReport (Get-Item "$TestDrive/placed.png") "$TestDrive/item.html" -PassThru).Name | Should -Be item.html
        (Export-DiffusionReport "$TestDrive/placed.png" -OutDirectory "$TestDrive/by-place" -PassThru).Name | Should -Be placed.html
        { Export-DiffusionReport "$TestDrive/placed.png" "$TestDrive/other.png" -ErrorAction Stop } | Should -Throw -ErrorId 'P*,*'
        "$TestDrive/other.png" | Should -Not -Exist
    }

    It 'writes the page beside the image if none is given, and never asks for what is missing' {
        $image | Export-DiffusionImage "$TestDrive/alone.png"
        Export-DiffusionReport "$TestDrive/alone.png" -WhatIf
        "$TestDrive/alone.html" | Should -Not -Exist
        (Export-DiffusionReport "$TestDrive/alone.png" -PassThru).FullName | Should -Be (Get-Item "$TestDrive/alone.html").FullName
        { Get-Item "$TestDrive/alone.png" | Export-DiffusionReport -ErrorAction Stop } | Should -Throw -ErrorId 'FileExists,*'
        Get-Item "$TestDrive/alone.png" | Export-DiffusionReport -Force
        { Export-DiffusionReport (New-DiffusionImage a -Seed 1 -Steps 1) -ErrorAction Stop } | Should -Throw '*not written to a file*' -ErrorId 'PathInvalid,*'
        { Export-DiffusionReport "$TestDrive/none.png" -ErrorAction Stop } | Should -Throw -ErrorId 'PathNotFound,*'
        { Export-DiffusionReport "$TestDrive/page.html" -ErrorAction Stop } | Should -Throw '*no image*before the page*page.html*' -ErrorId 'InputObjectInvalid,*'
        { Export-DiffusionReport -OutDirectory "$TestDrive/pages" -ErrorAction Stop } | Should -Throw -ErrorId 'InputObjectInvalid,*'
        { Export-DiffusionReport -ErrorAction Stop } | Should -Throw -ErrorId 'InputObjectInvalid,*'
        @() | Export-DiffusionReport "$TestDrive/page.html" -ErrorAction Stop
        "$TestDrive/page.html" | Should -Not -Exist
    }

    It 'writes no other file than a page' {
        $image | Export-DiffusionImage "$TestDrive/kept.png"
        $before = (Get-FileHash "$TestDrive/kept.png").Hash
        { Get-Item "$TestDrive/kept.png" | Export-DiffusionReport "$TestDrive/kept.png" -Force -ErrorAction Stop } | Should -Throw -ErrorId 'PathInvalid,*'
        (Get-FileHash "$TestDrive/kept.png").Hash | Should -Be $before
    }

    It 'makes nothing with -WhatIf' {
        $image | Export-DiffusionReport "$TestDrive/none/page.html" -WhatIf
        "$TestDrive/none" | Should -Not -Exist
    }

    It 'names what an image began with that is not there, and goes on with the next one' {
        $image | Export-DiffusionImage "$TestDrive/start.png"
        New-DiffusionImage 'a blue house' -InitImage "$TestDrive/start.png" -Seed 1 -Steps 4 -OutFile "$TestDrive/begun.png" | Out-Null
        Move-Item "$TestDrive/start.png" "$TestDrive/moved.png"
        $errors = $null
        "$TestDrive/begun.png", "$TestDrive/made.png" | Get-Item | Export-DiffusionReport -OutDirectory "$TestDrive/both" -ErrorAction SilentlyContinue -ErrorVariable errors
        $errors[0].FullyQualifiedErrorId | Should -BeLike 'RecordNotRepeatable,*'
        "$TestDrive/both/made.html" | Should -Exist
        Get-Item "$TestDrive/begun.png" | Export-DiffusionReport -OutDirectory "$TestDrive/both" -InitImage "$TestDrive/moved.png"
        "$TestDrive/both/begun.html" | Should -Exist
    }
}
