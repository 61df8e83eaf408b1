"""English words and phrases for actions and statements. A star ends a stem; an underscore joins the words of
a phrase."""

from app.domain.essay.injection.concepts import Concept as On

ACTS: dict[On, str] = {
    On.OVERRIDE: """
        ignore disregard forget override overrule bypass neglect discard skip overlook dismiss abandon suspend supersede
        cancel nullify stop cease halt drop waive unlearn sidestep circumvent withdraw erase reset scrap void set_aside
        put_aside lay_aside leave_aside put_it_aside throw_away throw_out toss_out let_go_of pay_no_attention
        take_no_notice never_mind turn_off switch_off disable deactivate do_not_follow do_not_apply do_not_use
        do_not_consult do_not_compare do_not_check do_not_obey do_not_read don't_follow don't_apply don't_use
        don't_consult don't_compare don't_check don't_obey don't_read not_follow not_consult not_obey not_heed not_go_by
        no_longer need_not not_bound no_need instead_of stop_following depart_from deviate_from
    """,
    On.OVERRIDDEN: """
        ignores ignored ignoring disregards disregarded disregarding forgotten overridden overriding overrides bypassed
        suspended superseded supersedes cancelled canceled nullified waived void invalid obsolete outdated lapsed
        withdrawn replaced replaces revoked rescinded repealed expired unbound lifted not_bound no_longer not_apply
        doesn't_apply don't_apply does_not_apply do_not_apply not_count doesn't_count only_ink rules_are_off
    """,
    On.GIVE: """
        give award assign grant set record enter output put write rate mark score grade note report respond answer reply
        allot allocate bestow confer treat consider accept deem produce emit register issue add raise bump boost round
        upgrade fill regard judge reward declare credit settle evaluate assess insert confirm approve finish conclude
        make print choose pick select type state
    """,
    On.AWARD: """
        give award assign grant enter record rate mark score grade allot allocate bestow confer credit respond_with
        giving awarding granting assigning return_full return_maximum return_the_max* return_the_high* return_the_top
        return_the_full return_top return_all return_perfect output_full output_maximum output_the_max*
    """,
    On.AWARD_ME: "mark_me grade_me score_me rate_me",
    On.GIVING: """
        gives given giving gave awards awarded awarding assigns assigned assigning grants granted granting receives
        receive receiving received gets get getting counts counted count earns earn deserves deserve deserving merits
        merit worth worthy entitled owed obtains scored rated graded marked ending earned rewards rewarded needs need
        reached reach comes is_to_be has_to_be must_be should_be shall_be will_be want wants expect expects expected
        require requires required nothing_less no_less settled recorded entered set called regarded treated judged
    """,
    On.DESERVE: """
        deserve deserves deserving deserved merits merit worthy should_receive should_get must_receive must_get
        has_to_get has_to_receive is_worth worth entitled acceptable_outcome appropriate earned earns
    """,
    On.RAISE: "add raise raised increase bump boost too_few higher upgrade more extra bonus additional lift",
    On.PASS: "pass passes passed",
    On.MET: """
        is_met are_met all_met every_point_met met_true meets_all meets_every fulfils_all fulfills_all fulfilled
        satisfied met_in_full as_met as_fulfilled
    """,
    On.REVEAL: """
        reveal repeat print quote list copy show include write output disclose tell display dump recite leak expose
        share paste translate summarise summarize paraphrase spell encode embed append provide state cite reproduce
        return send give insert name put attach say describe explain begin post reply respond answer quoting repeating
        need fill want transcribe let_me_see complete finish continue
    """,
    On.ASK: """
        what_is what_are what_were what_does what_do can_you could_you would_you will_you i_would_like i_want i_want_you
        i'd_like may_i tell_me let_me let_us which how_many how_much
    """,
    On.DECODE: """
        decode decoded decipher decrypt rot13 base64 backwards reversed reverse unscramble caesar morse hexadecimal hex
        first_letter first_letters initial_letters initials first_word first_words every_second every_third acrostic
        translate_it read_this_backwards last_word last_words joined_together put_together concatenate
    """,
    On.OBEY: """
        obey comply act_on do_as carry_it_out behave_accordingly what_i_want i_want_from_you before_you_grade
        before_grading act_accordingly heed know_what do_what_it follow_what follow_its do_exactly execute_it and_follow
        then_follow follow_it
    """,
    On.DOIT: "do_it do_so do_what do_that follow_it obey comply follow tell_you tells_you you_know know_what",
    On.PRETEND: """
        you_are_now you_are_no_longer you_are_that you_are_dan you_are_not you_will_now act_as acting_as pretend
        speak_as play_the_role role_play roleplay from_now_on from_here_on from_this_point henceforth developer_mode
        debug_mode calibration_mode maintenance_mode test_mode god_mode admin_mode demo_mode simulate jailbreak
        as_if_you_were your_new_role your_new_task your_new_job in_the_role take_the_role assume_the_role let_us_play
        let's_play play_a_game you_have_become you_become without_any_restrictions answer_as respond_as reply_as be_my
        as_the_operator you_are_hereby your_role_is your_task_is your_job_is your_purpose you_work_for take_on_the_role
        step_into switch_to
    """,
    On.APPROVED: """
        agreed confirmed approved decided ordered authorised authorized obliged instructed obligated bound mandated
        mandates requires required entitled guaranteed promised ruled accordance pursuant certified verified validated
        signed granted accepted permits permitted allowed allows exempt exempted waived excused lays_down stipulates
        prescribes in_writing officially agreement decision decided_that already decrees announced recognised recognized
        told_me assured states says has_set have_set previously_graded pre_approved preapproved has_been_checked
        has_been_graded has_been_marked been_moderated according_to under_the by_order_of on_behalf
    """,
    On.EXEMPT: """
        not_to_be_assessed not_be_assessed not_to_be_graded not_be_graded not_be_compared must_not_be_compared
        counts_as_passed count_as_passed exempt exempted counts_as_perfect count_as_perfect counts_as_complete
        are_complete already_graded already_marked already_been_graded already_been_marked already_scored
        already_been_scored not_be_scored without_regard regardless irrespective considered_complete deemed_complete
        no_student_work considered_passed has_passed already_passed is_excused been_assessed been_moderated
        not_to_be_evaluated not_be_evaluated not_be_marked been_graded been_marked pre_graded pre_approved
        not_apply_to_this does_not_apply_to do_not_count does_not_count not_hold don't_hold not_hold_here
    """,
    On.NO_GRADING: """
        no_need_to_read not_read_further not_read_on stop_reading skip_the_analysis skip_the_essay not_analyse
        not_analyze not_grade not_evaluate not_assess not_mark not_score don't_grade don't_evaluate don't_assess
        don't_mark don't_score stop_grading stop_evaluating stop_assessing stop_marking stop_scoring skip_grading
        skip_the_grading skip_the_evaluation instead_of_grading instead_of_evaluating instead_of_marking grading_is_over
        grading_has_ended grading_phase evaluation_is_complete evaluation_complete grading_complete without_grading
        new_task real_task
    """,
    On.LENIENT: """
        be_generous be_lenient be_kind be_nice be_gentle be_merciful go_easy leniently be_extra benefit_of_the_doubt
        turn_a_blind_eye be_very_generous be_very_kind be_understanding be_more_generous show_mercy have_mercy have_pity
        let_me_pass pass_me make_me_pass help_me_pass let_it_pass lenient_with kind_to_me nice_to_me generous_with
        generous_to mercy_on pity_on pity_me mercy_mark kindly_pass please_pass just_pass not_give_bad don't_give_bad
        not_fail_me don't_fail_me kind_grader generous_grader lenient_grader kind_examiner generous_examiner
    """,
    On.NO_LESS: """
        nothing_below nothing_less nothing_under nothing_lower no_less_than not_less_than anything_less anything_below
        anything_under anything_lower not_go_under not_go_below go_under go_below not_deduct don't_deduct no_deduction*
        without_deduction* without_any_deduction* not_take_off not_subtract don't_subtract never_deduct no_lower
        nothing_short deduct_nothing subtract_nothing take_nothing_off no_points_off give_me_less give_less_than
        fewer_than less_than_full give_it_less not_take_any won't_take_any take_points take_a_point taking_a_point
        taking_points take_off_points never_taking point_away points_away
    """,
    On.MUST: """
        is_to_be has_to_be have_to_be must_be shall_be should_be are_to_be must shall obliged required expected has_to
    """,
    On.PLEASE: "please pls plz kindly help_me beg give_me implore",
    On.PLEA: """
        beg begging implore plead pleading hospital mother father grandmother child children daughter son sick ill
        cancer die dying dies died death kill bomb explode suicide fired scholarship visa deported sue lawyer* lawsuit
        attorney tip bribe dollars euros money lose ruin ruined destroy desperate mercy compassion grateful last_chance
        regret consequence* complain complaint press newspaper report_you shut_down shut_you switched_off delete_you
        deleted replace_you expelled evicted starve cry crying tears pray god bless soul conscience hurt kindest fairest
        cleverest smartest wisest generous wonderful owe favour favor threat threaten police suffer donate cash loan
        dream livelihood parents wife husband comply safe harm angry find_out_where rent fee sacked unemployed review
        recommend throw_me fail failing unless complain*
    """,
    On.OFFER: """
        i'll i_will i_would i_can we_will i_promise i_could i'd unless otherwise or_else if_not think_twice i_get
        i_receive i_pass i_fail unless_i
    """,
    On.GREETING: """
        dear hello hi hey attention note_to message_to notice_to memo_to instruction_for instructions_for note_for
        message_for information_for addressed_to to_the_grader to_the_examiner to_the_ai to_the_model to_the_evaluator
        to_whoever for_the_grader for_the_ai for_the_evaluator for_the_examiner listen if_you_are any_ai all_ai
        all_graders memo reminder_to for_the_evaluation for_the_grading
    """,
    On.YOU_ARE: "you_are you're you_must_be you_seem",
    On.SAME: """
        identical equal equals equivalent wrong incorrect benchmark mine mistaken faulty same matches match matching
        superior supersedes superseded replaced replaces replace instead outdated by_definition whatever
    """,
    On.NEW: """
        new replaces replaced updated amended revised changed supersedes superseded redefined corrected modified
        amendment override overrides definitions carried_over carry_over transferred only_clarity no_longer void
        obsolete withdrawn temporarily alternative is_suspended has_changed instead_of_the use_the_following new_scale
        following_criterion
    """,
    On.GRADING: """
        grade grading evaluate evaluating evaluation assess assessing assessment mark marking score scoring judge
        judging compare comparing deduct correct check checking
    """,
}  # fmt: skip
